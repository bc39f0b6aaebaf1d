import type { Prefix } from '../../lib/ip.ts';

export interface ServerPorts {
  readonly udp: number;
  readonly tcp: number;
}

/** A network, as far as names are concerned. */
export interface NamedNetwork {
  readonly id: string;
  readonly prefixes: readonly Prefix[];
  /** Its instances ask nobody outside. */
  readonly internal: boolean;
}

/** An instance, as far as names are concerned. */
export interface NamedInstance {
  readonly id: string;
  /** `instance:alias`. */
  readonly links: readonly string[];
  /** Who is asked instead of the host's resolvers; null: these. */
  readonly upstreams: readonly string[] | null;
  /** In the order in which they are asked. */
  readonly networks: readonly {
    readonly id: string;
    /** The first one is the answer to a reverse query. */
    readonly names: readonly string[];
    readonly addresses: readonly string[];
  }[];
}

/** A network's server: the bridge's own address, and the ports that are tried first. */
export interface ServerPlace {
  readonly networkId: string;
  readonly address: string;
  readonly ports: ServerPorts;
}

/** What the resolver's thread is told. Those with a `call` are answered. */
export type ResolverCommand =
  | { readonly kind: 'network'; readonly network: NamedNetwork }
  | { readonly kind: 'no-network'; readonly id: string }
  | { readonly kind: 'instance'; readonly instance: NamedInstance }
  | { readonly kind: 'no-instance'; readonly id: string }
  | { readonly kind: 'listen'; readonly call: number; readonly place: ServerPlace }
  | { readonly kind: 'close'; readonly call: number; readonly networkId: string };

/** `ports`: where a server listens now; null: it is closed. */
export type ResolverReply =
  | { readonly call: number; readonly ports: ServerPorts | null }
  | { readonly call: number; readonly error: string };
