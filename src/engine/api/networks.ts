import type { NetworkConnection } from '../../model/instance.ts';
import type { NetworkDefinition } from '../../model/network.ts';

/** A create request after the wire's shape is gone. */
export interface CreateNetwork {
  readonly name: string;
  /** Default: `bridge`. */
  readonly driver?: string;
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly ipv6?: boolean;
  readonly pools?: readonly {
    readonly subnet?: string;
    readonly range?: string;
    readonly gateway?: string;
    readonly auxiliary?: Readonly<Record<string, string>>;
  }[];
  readonly options?: Readonly<Record<string, string>>;
  readonly ipamOptions?: Readonly<Record<string, string>> | null;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A running instance on a network; addresses with their prefix length, empty for none. */
export interface NetworkMember {
  readonly instanceId: string;
  readonly name: string;
  readonly endpointId: string;
  readonly macAddress: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** How an instance is to be connected; the network is named beside it. */
export type ConnectSettings = Partial<Omit<NetworkConnection, 'network'>>;

/** Networks; `bridge`, `host` and `none` are always there. */
export interface Networks {
  /** The built-in ones first, then by age. */
  list(): readonly NetworkDefinition[];
  /** By full id, name, or unambiguous id prefix. Throws `network-not-found`, `ambiguous-id`. */
  get(nameOrId: string): NetworkDefinition;
  isBuiltIn(definition: NetworkDefinition): boolean;
  /** The running instances on it. */
  members(definition: NetworkDefinition): readonly NetworkMember[];
  create(request: CreateNetwork): Promise<NetworkDefinition>;
  /** Throws `network-forbidden` for a built-in one and for one that running instances are on. */
  remove(nameOrId: string): Promise<void>;
  /** A running instance at once, another one when it is started. */
  connect(nameOrId: string, instance: string, settings: ConnectSettings): Promise<void>;
  disconnect(nameOrId: string, instance: string, options: { force: boolean }): Promise<void>;
  /** Removes those that no running instance is on and that are `wanted`. Returns their names. */
  prune(wanted: (definition: NetworkDefinition) => boolean): Promise<readonly string[]>;
}
