import type { IpAddress } from './instance.ts';

/** The network of a run, as its runtime joins it. */
export type BundleNetwork =
  | { readonly mode: 'host' }
  | {
      readonly mode: 'none' | 'bridge' | 'container';
      /** Pinned network namespace; for `none` it holds only loopback, for `container` it is another instance's. */
      readonly namespace: string;
      /** The interfaces inside the namespace that are the instance's own. A VM's runtime joins a tap to each. */
      readonly links: readonly NetworkLink[];
    };

export interface NetworkLink {
  readonly name: string;
  readonly macAddress: string;
  readonly address: string;
  readonly prefixLength: number;
  /** Of the default route, where this link has it; else empty. */
  readonly gateway: string;
  readonly ipv6: IpAddress | null;
  readonly mtu: number;
}
