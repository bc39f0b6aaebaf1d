import type { NetworkEndpoint, NetworkMode, PortBinding } from '../model/instance.ts';
import type { BundleNetwork, Leftover } from '../runtime/runtime.ts';

/** What the engine keeps per instance to find its network again: plain JSON, stored with the instance's row. */
export interface NetworkLease {
  readonly mode: NetworkMode;
  /** For runtimes. */
  readonly bundle: BundleNetwork;
  /** In the order of the instance's interfaces; the first one's network gives the published ports and the resolver. */
  readonly attachments: readonly Attachment[];
  /** With every host port filled in. */
  readonly ports: readonly PortBinding[];
}

/** An instance's place on one network. */
export interface Attachment {
  readonly endpoint: NetworkEndpoint;
  /** The host end of the veth, for counters; null without one. */
  readonly hostLink: string | null;
}

export interface AttachRequest {
  readonly instanceId: string;
  readonly mode: NetworkMode;
  readonly ports: readonly PortBinding[];
  /** DNS names: the instance's name, its short id, its hostname. */
  readonly names: readonly string[];
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

/** Addresses, DNS, firewall and ports, once for every kind of instance: all it knows is a network namespace. */
export interface Network {
  /** Makes bridge, firewall table, DNS server and pool; adopts what the given leases describe, and re-makes their rules. */
  start(leases: ReadonlyMap<string, { lease: NetworkLease; names: readonly string[] }>): Promise<void>;
  /** Closes sockets and timers; leaves kernel objects of running instances alone, drops the unused pool. */
  stop(): Promise<void>;
  /** Removes bridge, table and pool too; only when no lease is left. */
  teardown(): Promise<void>;
  /** From the pool where possible. Ports are bound (and reserved on the host) when it returns; `port-in-use` names the port. */
  attach(request: AttachRequest): Promise<NetworkLease>;
  /** Frees the address and removes namespace, veth and rules. Fine twice. */
  detach(instanceId: string, lease: NetworkLease): Promise<void>;
  /** As the instance sees it: rx is what it received. */
  counters(lease: NetworkLease): Promise<LinkCounters | null>;
  /** The resolver address to write into resolv.conf, and search domains and options taken from the host. */
  resolver(mode: NetworkMode): {
    nameservers: readonly string[];
    search: readonly string[];
    options: readonly string[];
  };
  describe(): { name: string; subnet: string; gateway: string; bridge: string };
  inventory(): Promise<readonly Leftover[]>;
}
