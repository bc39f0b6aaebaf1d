import type { Host } from '../host/host.ts';
import type { NamespaceSetup } from '../host/net-namespace.ts';
import { type EngineIdentity, names } from '../model/engine-identity.ts';
import { AddressPool } from './address-pool.ts';
import { gatewayOf } from './bridge.ts';
import { Forwarder } from './dns/forwarder.ts';
import { NameTable } from './dns/names.ts';
import { DnsServer } from './dns/server.ts';
import { EndpointPool, type PoolSettings } from './endpoint-pool.ts';
import { Endpoints } from './endpoints.ts';
import type { Firewall } from './firewall.ts';
import type { HostResolver } from './host-resolver.ts';
import { formatAddress, type Subnet } from './ipv4.ts';
import { endpointOf, forwardsOf, type KnownLease } from './lease.ts';
import type { Links } from './links.ts';
import type { NetworkLease } from './network.ts';
import { PortReservations } from './ports.ts';

export const NETWORK_NAME = 'bridge';

export interface ActiveOptions {
  readonly host: Host;
  readonly setup: NamespaceSetup;
  readonly identity: EngineIdentity;
  readonly folder: string;
  readonly links: Links;
  readonly firewall: Firewall;
  readonly resolver: HostResolver;
  readonly subnet: Subnet;
  readonly mtu: number;
  readonly pool: Partial<PoolSettings>;
}

/** The network while the daemon runs: the subnet is known, the bridge is up, leases are held. */
export class ActiveNetwork {
  readonly subnet: Subnet;
  readonly mtu: number;
  readonly leases = new Map<string, KnownLease>();
  readonly ports = new PortReservations();
  readonly endpoints: Endpoints;
  readonly pool: EndpointPool;
  readonly #options: ActiveOptions;
  readonly #addresses: AddressPool;
  readonly #names = new NameTable();
  readonly #dns: DnsServer;

  constructor(options: ActiveOptions) {
    const { host, setup, identity, folder, links, resolver, subnet, mtu } = options;
    const gateway = gatewayOf(subnet);
    this.#options = options;
    this.subnet = subnet;
    this.mtu = mtu;
    this.#addresses = new AddressPool(subnet, [gateway]);
    this.endpoints = new Endpoints(host, setup, links, this.#addresses, {
      folder,
      subnet,
      gateway,
      mtu,
      linkName: (slot) => names.hostLink(identity, slot),
    });
    this.pool = new EndpointPool(this.endpoints, options.pool);
    const address = formatAddress(gateway);
    // The gateway itself in the host's resolv.conf would send queries round in circles.
    const upstreams = () => resolver.current().nameservers.filter((server) => server !== address);
    this.#dns = new DnsServer({
      address,
      preferredPort: 20_000 + (parseInt(identity.tag, 16) % 10_000),
      subnet,
      names: this.#names,
      forwarder: new Forwarder({ upstreams }),
    });
  }

  /** Takes over what the leases describe and opens sockets, rules and pool. */
  async open(leases: ReadonlyMap<string, KnownLease>): Promise<void> {
    await this.#adopt(leases);
    const dns = await this.#dns.listen();
    const { firewall, identity, subnet } = this.#options;
    const gateway = formatAddress(gatewayOf(subnet));
    const forwards = [...this.leases.values()].flatMap(({ lease }) => forwardsOf(lease));
    await firewall.install(
      { table: names.nftTable(identity), bridge: names.bridge(identity), subnet, gateway, dns },
      forwards,
    );
    this.pool.open();
  }

  /** Leaves instances alone. */
  async close(): Promise<void> {
    await this.pool.close();
    await this.endpoints.settled();
    await Promise.all([this.#dns.close(), this.ports.releaseAll()]);
  }

  settled(): Promise<void> {
    return this.endpoints.settled();
  }

  async publish(lease: NetworkLease): Promise<void> {
    await this.#options.firewall.publish(forwardsOf(lease));
  }

  know(instanceId: string, known: KnownLease): void {
    this.leases.set(instanceId, known);
    const [first] = known.lease.attachments;
    if (first !== undefined) this.#names.set(instanceId, known.names, first.endpoint.address);
  }

  forget(instanceId: string): boolean {
    this.#names.delete(instanceId);
    return this.leases.delete(instanceId);
  }

  /** Names first, so that nobody is sent there any more; the port is free for others only when no rule leads it on. */
  async release(instanceId: string, lease: NetworkLease): Promise<void> {
    this.#names.delete(instanceId);
    try {
      await this.#options.firewall.withdraw(forwardsOf(lease));
    } finally {
      await this.ports.release(instanceId);
      const endpoint = endpointOf(lease);
      // A second call must not touch an address that is another's by now.
      if (this.forget(instanceId) && endpoint !== null) this.endpoints.discard([endpoint]);
    }
  }

  async #adopt(leases: ReadonlyMap<string, KnownLease>): Promise<void> {
    const { host, links } = this.#options;
    const pinned = new Set(
      host.mounts
        .list()
        .filter((mount) => mount.type === 'nsfs')
        .map((mount) => mount.target),
    );
    const joined: string[] = [];
    const lost = [];
    for (const [id, known] of leases) {
      this.know(id, known);
      const endpoint = endpointOf(known.lease);
      if (endpoint === null) continue;
      this.#addresses.adopt(endpoint.address);
      if (links.exists(endpoint.hostLink)) joined.push(endpoint.hostLink);
      else if (pinned.has(endpoint.namespace)) lost.push(endpoint);
      // A port that another program took meanwhile: the rules lead it to the instance all the same, so this is no reason to refuse to start.
      await this.ports.reserve(id, known.lease.ports).catch(() => undefined);
    }
    await links.join(joined);
    await this.endpoints.connect(lost);
  }
}
