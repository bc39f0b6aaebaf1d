import type { NetworkConnection, NetworkEndpoint, NetworkMode, PortBinding } from '../model/instance.ts';
import type { NetworkDefinition } from '../model/network.ts';
import type { BundleNetwork } from '../model/bundle-network.ts';
import type { Leftover } from '../model/leftover.ts';
import type { PoolRequest } from './ipam.ts';

/** What the engine keeps per instance to find its network again: plain JSON, stored with the instance's row. */
export interface NetworkLease {
  readonly mode: NetworkMode;
  /** For runtimes. */
  readonly bundle: BundleNetwork;
  /** In the order in which they were made. */
  readonly attachments: readonly Attachment[];
  /** With every host port filled in. */
  readonly ports: readonly PortBinding[];
}

/** An instance's place on one network. */
export interface Attachment {
  readonly endpoint: NetworkEndpoint;
  /** The host end of the veth, for counters; null without one. */
  readonly hostLink: string | null;
  readonly gatewayPriority: number;
  /** May the host's ports lead here? */
  readonly publishes: boolean;
  /** `instance:alias`: names for this instance alone. */
  readonly links: readonly string[];
  readonly mtu: number;
  /** Where the engine's DNS server answers; null for nowhere. */
  readonly resolver: string | null;
}

export interface AttachRequest {
  readonly instanceId: string;
  readonly mode: NetworkMode;
  readonly ports: readonly PortBinding[];
  /** DNS names on every network: the instance's name, its short id, its hostname. */
  readonly names: readonly string[];
  /** For the mode `bridge`; absent: the default network. */
  readonly connections?: readonly ConnectRequest[];
  /** Name servers to ask instead of the host's; absent: the host's. */
  readonly upstreams?: readonly string[];
  /** For the mode `container`: the namespace's owner's. */
  readonly joined?: NetworkLease;
}

/** A connection whose network was found. */
export interface ConnectRequest extends NetworkConnection {
  readonly networkId: string;
}

export interface LinkCounters {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
}

/** A network to be, before the host has had its say. */
export interface NetworkDraft extends Pick<
  NetworkDefinition,
  'id' | 'name' | 'driver' | 'internal' | 'attachable' | 'ipv6' | 'options' | 'ipamOptions' | 'labels'
> {
  readonly pools: readonly PoolRequest[];
}

/** What a lease says with the DNS names that go with it. */
export interface KnownLease {
  readonly lease: NetworkLease;
  readonly names: readonly string[];
  /** Name servers to ask instead of the host's. */
  readonly upstreams?: readonly string[];
}

export interface Resolver {
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
  /** Is it the engine's own, on a network of the user's? */
  readonly embedded: boolean;
}

/** Addresses, DNS, firewall and ports, once for every kind of instance: all it knows is a network namespace. */
export interface Network {
  /**
   * Makes the networks (the default one and the given ones), firewall tables, DNS servers and pool; adopts what the given leases describe, and
   * re-makes their rules. A network of the user's that cannot be made is told and left out: connecting to it says why.
   */
  start(leases: ReadonlyMap<string, KnownLease>, definitions?: readonly NetworkDefinition[]): Promise<void>;
  /** Closes sockets and timers; leaves kernel objects of running instances alone, drops the unused pool. */
  stop(): Promise<void>;
  /** Removes bridges, tables and pool too; only when no lease is left. */
  teardown(): Promise<void>;
  /** From the pool where possible. Ports are bound (and reserved on the host) when it returns; `port-in-use` names the port. */
  attach(request: AttachRequest): Promise<NetworkLease>;
  /** Frees the addresses and removes namespace, links and rules. Fine twice. */
  detach(instanceId: string, lease: NetworkLease): Promise<void>;
  /** Puts a running instance on one more network. `ports`: as asked for, in case it had no place for them before. */
  connect(
    instanceId: string,
    connection: ConnectRequest,
    ports: readonly PortBinding[],
  ): Promise<NetworkLease>;
  /** Takes a running instance off a network. */
  disconnect(instanceId: string, networkId: string): Promise<NetworkLease>;
  /** Gives an instance other names, at once on all its networks; null where it has none. */
  rename(instanceId: string, names: readonly string[]): NetworkLease | null;
  /** Publishes other ports than before; those stay when it fails. Without effect on an instance that has no place for ports. */
  republish(instanceId: string, ports: readonly PortBinding[]): Promise<NetworkLease>;
  /** Chooses subnets and the bridge's name, and refuses what cannot be. Makes nothing. */
  plan(draft: NetworkDraft): Promise<NetworkDefinition>;
  add(definition: NetworkDefinition): Promise<void>;
  /** Fine for one that is gone. */
  remove(definition: NetworkDefinition): Promise<void>;
  /** The networks that exist now without being kept: the default one. */
  defaultNetwork(): NetworkDefinition;
  /** As the instance sees them, by interface: rx is what it received. */
  counters(
    lease: NetworkLease,
  ): Promise<readonly { readonly name: string; readonly counters: LinkCounters }[]>;
  /** The resolver address to write into resolv.conf, and search domains and options taken from the host. */
  resolver(lease: NetworkLease): Resolver;
  /** What instances are not kept from though they should be, as sentences for people. Empty before the start. */
  warnings(): readonly string[];
  describe(): { name: string; subnet: string; gateway: string; bridge: string };
  inventory(): Promise<readonly Leftover[]>;
}
