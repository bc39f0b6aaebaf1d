/** A network as it was made: never changes, kept in the engine's state. The built-in ones (`bridge`, `host`, `none`) are not kept. */
export interface NetworkDefinition {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly driver: NetworkDriver;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** No way in or out, but for the host itself. */
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ipv6: boolean;
  /** At most one of each family for a bridge. Complete: gateways are filled in. */
  readonly pools: readonly AddressPoolDefinition[];
  /** The driver's options, as given. */
  readonly options: Readonly<Record<string, string>>;
  /** The address manager's options, as given. */
  readonly ipamOptions: Readonly<Record<string, string>> | null;
  readonly labels: Readonly<Record<string, string>>;
  /** The link on the host: the bridge, or the parent of a macvlan network; empty for the built-in ones without. */
  readonly link: string;
}

export type NetworkDriver = 'bridge' | 'macvlan' | 'host' | 'null';

export interface AddressPoolDefinition {
  /** `172.20.0.0/16`, `fd00:1::/64` */
  readonly subnet: string;
  /** Addresses are handed out from here only. */
  readonly range?: string;
  /** Empty for none. */
  readonly gateway: string;
  /** Did the user choose the subnet? Then instances may choose their addresses. */
  readonly chosen: boolean;
  /** Addresses that are others', by name. */
  readonly auxiliary: Readonly<Record<string, string>>;
}

/** The options of a bridge that mean something (`com.docker.network.…`). */
export const BRIDGE_OPTIONS = {
  name: 'com.docker.network.bridge.name',
  icc: 'com.docker.network.bridge.enable_icc',
  masquerade: 'com.docker.network.bridge.enable_ip_masquerade',
  hostAddress: 'com.docker.network.bridge.host_binding_ipv4',
  mtu: 'com.docker.network.driver.mtu',
  /** Of the engine's own: may instances send from their own addresses alone? */
  guard: 'hull.network.guard',
} as const;
