import type { Host } from '../host/host.ts';
import type { NamespaceSetup } from '../host/net-namespace.ts';
import { type EngineIdentity, names } from '../model/engine-identity.ts';
import { HullError, messageOf } from '../model/errors.ts';
import type { Prefix } from '../lib/ip.ts';
import type { NetworkDefinition } from '../model/network.ts';
import { BridgeSegment } from './bridge-segment.ts';
import type { ServerPorts } from './dns/commands.ts';
import { ResolverThread } from './dns/resolver-thread.ts';
import { type Endpoint, Endpoints } from './endpoints.ts';
import type { Firewall } from './firewall.ts';
import type { HostSettings } from './host-settings.ts';
import { IsolatedNamespaces } from './isolated-namespaces.ts';
import { Joiner } from './joiner.ts';
import { forwardsOf, namespaceOf } from './lease.ts';
import type { Links } from './links.ts';
import { MacvlanSegment } from './macvlan-segment.ts';
import type { KnownLease, NetworkLease } from './network.ts';
import type { BridgeRules, Forward } from './nft.ts';
import type { PortGuard } from './port-guard.ts';
import { PortReservations } from './ports.ts';
import { type PoolSettings, ReadyPool } from './ready-pool.ts';
import { plugOf, type Segment } from './segment.ts';
import { Sweeper } from './sweeper.ts';

export const NETWORK_NAME = 'bridge';
/** Few instances are on no network. */
const ISOLATED_IDLE = 1;

export interface ActiveOptions {
  readonly host: Host;
  readonly setup: NamespaceSetup;
  readonly identity: EngineIdentity;
  readonly folder: string;
  readonly links: Links;
  readonly firewall: Firewall;
  readonly guard: PortGuard;
  readonly settings: HostSettings;
  /** The host's; default /etc/resolv.conf. */
  readonly resolvConf: string | undefined;
  /** The default network, whose bridge is there. */
  readonly definition: NetworkDefinition;
  readonly subnet: Prefix;
  readonly mtu: number;
  readonly pool: Partial<PoolSettings>;
  readonly log: (message: string) => void;
}

/** The networks while the daemon runs: subnets are known, bridges are up, leases are held. */
export class ActiveNetwork {
  readonly leases = new Map<string, KnownLease>();
  readonly ports: PortReservations;
  readonly sweeper: Sweeper;
  readonly joiner: Joiner;
  readonly endpoints: Endpoints;
  readonly pool: ReadyPool<Endpoint>;
  readonly isolated: IsolatedNamespaces;
  readonly isolatedPool: ReadyPool<string>;
  readonly subnet: Prefix;
  readonly options: ActiveOptions;
  readonly #segments = new Map<string, Segment>();
  /** Networks that could not be made, and why. */
  readonly #broken = new Map<string, string>();
  /** Who has which name. */
  readonly #names: ResolverThread;
  /** What the firewall leads where, by instance. */
  readonly #forwards = new Map<string, readonly Forward[]>();

  constructor(options: ActiveOptions) {
    const { host, setup, links, identity, folder, subnet, mtu, definition } = options;
    this.options = options;
    this.subnet = subnet;
    this.#names = new ResolverThread({
      resolvConf: options.resolvConf,
      moved: (networkId, ports) => this.#moved(networkId, ports),
      log: options.log,
    });
    this.ports = new PortReservations();
    this.sweeper = new Sweeper(host, links);
    const segment = new BridgeSegment(this.#bridgeParts(''), definition, mtu);
    this.#insert(segment);
    const addresses = segment.addresses.pool(4);
    const linkName = (slot: string) => names.hostLink(identity, slot);
    const settings = { folder, bridge: definition.link, subnet, mtu, linkName };
    this.endpoints = new Endpoints({ host, setup, links, addresses, sweeper: this.sweeper }, settings);
    this.pool = new ReadyPool(this.endpoints, options.pool);
    this.isolated = new IsolatedNamespaces({ host, setup, sweeper: this.sweeper, folder });
    this.isolatedPool = new ReadyPool(this.isolated, { ...options.pool, idle: ISOLATED_IDLE });
    const segmentOf = (networkId: string) => this.segment(networkId);
    this.joiner = new Joiner({ host, setup, sweeper: this.sweeper, folder, segment: segmentOf, linkName });
  }

  /** Opens sockets and networks, takes over what the leases describe, then sets all rules at once and fills the pool. */
  async open(
    leases: ReadonlyMap<string, KnownLease>,
    definitions: readonly NetworkDefinition[],
  ): Promise<void> {
    await this.segment(this.options.definition.id).open();
    for (const definition of definitions) {
      await this.#open(definition).catch((error: unknown) => {
        this.#broken.set(definition.id, messageOf(error));
        this.options.log(`cannot create the network ${definition.name}: ${messageOf(error)}`);
      });
    }
    await this.#adopt(leases);
    await this.options.guard.install();
    await this.install();
    this.pool.open();
    this.isolatedPool.open();
  }

  /** Leaves instances alone. */
  async close(): Promise<void> {
    await this.pool.close();
    await this.isolatedPool.close();
    await this.sweeper.close();
    await Promise.all([
      ...[...this.#segments.values()].map((segment) => segment.close()),
      this.ports.releaseAll(),
    ]);
    await this.#names.stop();
  }

  settled(): Promise<void> {
    return this.sweeper.settled();
  }

  /** Names of links and namespaces that exist on purpose, though no lease speaks of them. */
  get held(): readonly string[] {
    return [...this.endpoints.held, ...this.isolated.held, ...this.sweeper.held, ...this.joiner.held];
  }

  get segments(): Iterable<Segment> {
    return this.#segments.values();
  }

  /** Throws `network-not-found`. */
  segment(networkId: string): Segment {
    const segment = this.#segments.get(networkId);
    if (segment !== undefined) return segment;
    const why = this.#broken.get(networkId);
    if (why !== undefined) throw new HullError('command-failed', `the network cannot be used: ${why}`);
    throw new HullError('network-not-found', `network ${networkId} not found`);
  }

  /** One more network, with its rules. Leaves nothing when it fails. */
  async add(definition: NetworkDefinition): Promise<void> {
    try {
      await this.#open(definition);
      await this.install();
    } catch (error) {
      await this.remove(definition).catch(() => undefined);
      throw error;
    }
  }

  /** Fine for one that is gone. */
  async remove({ id }: NetworkDefinition): Promise<void> {
    const segment = this.#segments.get(id);
    this.#broken.delete(id);
    if (segment === undefined) return;
    this.#segments.delete(id);
    this.#names.removeNetwork(id);
    await this.install();
    await this.sweeper.settled();
    await segment.remove();
  }

  /** Sets all rules, as they are when it is their turn. */
  install(): Promise<void> {
    return this.options.firewall.install(
      () => this.#rules(),
      () => [...this.#forwards.values()].flat(),
    );
  }

  /** The lease is the instance's from now on: names lead to it. */
  know(instanceId: string, known: KnownLease): void {
    const { attachments } = known.lease;
    this.leases.set(instanceId, known);
    this.#names.know({
      id: instanceId,
      links: attachments.flatMap(({ links }) => links),
      upstreams: known.upstreams ?? null,
      networks: attachments.map(({ endpoint: { networkId, names: own, address, ipv6 } }) => ({
        id: networkId,
        names: own,
        addresses: [address, ...(ipv6 === null ? [] : [ipv6.address])],
      })),
    });
  }

  forget(instanceId: string): boolean {
    this.#names.forget(instanceId);
    return this.leases.delete(instanceId);
  }

  /** Makes the firewall lead the lease's ports to where they belong, whatever it did before. */
  async publish(instanceId: string, lease: NetworkLease): Promise<void> {
    const before = this.#forwards.get(instanceId) ?? [];
    const after = forwardsOf(lease);
    if (after.length > 0) this.#forwards.set(instanceId, after);
    else this.#forwards.delete(instanceId);
    const kept = new Set(after.map((forward) => JSON.stringify(forward)));
    await this.options.firewall.withdraw(before.filter((forward) => !kept.has(JSON.stringify(forward))));
    await this.options.firewall.publish(after);
  }

  /** Names first, so that nobody is sent there any more; a port is free for others only when no rule leads it on. */
  async release(instanceId: string, lease: NetworkLease): Promise<void> {
    this.#names.forget(instanceId);
    this.#forwards.delete(instanceId);
    try {
      await this.options.firewall.withdraw(forwardsOf(lease));
    } finally {
      await this.ports.release(instanceId);
      const namespace = namespaceOf(lease);
      // A second call must not touch an address that is another's by now.
      if (this.forget(instanceId) && namespace !== null) this.joiner.discard(namespace, lease.attachments);
    }
  }

  async #open(definition: NetworkDefinition): Promise<void> {
    const { host, identity, mtu } = this.options;
    const own = Number(definition.options['com.docker.network.driver.mtu'] ?? Number.NaN);
    const size = Number.isInteger(own) && own >= 68 ? own : mtu;
    const segment =
      definition.driver === 'macvlan'
        ? new MacvlanSegment(host, definition, size)
        : new BridgeSegment(this.#bridgeParts(markOf(identity, definition)), definition, size);
    this.#insert(segment);
    try {
      await segment.open();
    } catch (error) {
      this.#segments.delete(definition.id);
      this.#names.removeNetwork(definition.id);
      await segment.remove().catch(() => undefined);
      throw error;
    }
  }

  #insert(segment: Segment): void {
    const { definition, addresses } = segment;
    this.#segments.set(definition.id, segment);
    const { id, internal } = definition;
    this.#names.addNetwork({ id, prefixes: addresses.prefixes, internal });
  }

  #bridgeParts(mark: string) {
    const { host, links, settings, identity, guard } = this.options;
    const dnsPort = 20_000 + (parseInt(identity.tag, 16) % 10_000);
    const linkName = (slot: string) => names.hostLink(identity, slot);
    return { host, links, settings, resolver: this.#names, guard, linkName, dnsPort, mark };
  }

  /** A server listens elsewhere than before: queries are led there. */
  #moved(networkId: string, ports: ServerPorts): void {
    const segment = this.#segments.get(networkId);
    if (!(segment instanceof BridgeSegment)) return;
    segment.moved(ports);
    this.install().catch((error: unknown) => this.options.log(messageOf(error)));
  }

  #rules(): Record<'ip' | 'ip6', BridgeRules[]> {
    const rules = [...this.#segments.values()].flatMap((segment) =>
      segment instanceof BridgeSegment ? [segment.rules()] : [],
    );
    const of = (family: 'ip' | 'ip6') => rules.flatMap((each) => each[family] ?? []);
    return { ip: of('ip'), ip6: of('ip6') };
  }

  async #adopt(leases: ReadonlyMap<string, KnownLease>): Promise<void> {
    const { host, log } = this.options;
    const pinned = new Set(
      host.mounts.list().flatMap(({ type, target }) => (type === 'nsfs' ? [target] : [])),
    );
    for (const [id, known] of leases) {
      this.know(id, known);
      this.#forwards.set(id, forwardsOf(known.lease));
      const namespace = namespaceOf(known.lease);
      if (namespace === null) continue;
      await this.#adoptLinks(known.lease, pinned.has(namespace)).catch((error: unknown) =>
        log(`adopting the network of ${id.slice(0, 12)} failed: ${messageOf(error)}`),
      );
      // A port that another program took meanwhile: the rules lead it to the instance all the same, so this is no reason to refuse to start.
      for (const port of known.lease.ports)
        await this.ports
          .reserve(id, [port])
          .catch((error: unknown) => log(`${known.names[0] ?? id.slice(0, 12)}: ${messageOf(error)}`));
    }
  }

  async #adoptLinks(lease: NetworkLease, pinned: boolean): Promise<void> {
    const { links } = this.options;
    const lost = [];
    for (const attachment of lease.attachments) {
      const segment = this.segment(attachment.endpoint.networkId);
      segment.addresses.adopt(attachment.endpoint);
      const { hostLink } = attachment;
      if (hostLink === null) continue;
      if (links.exists(hostLink)) await segment.rejoin([plugOf(namespaceOf(lease) ?? '', attachment)]);
      else if (pinned) lost.push(attachment);
    }
    if (lost.length > 0) await this.joiner.restore(lease, lost);
  }
}

/** How a bridge of a user's network is known as this engine's: its link's alias. */
function markOf(identity: EngineIdentity, { id }: Pick<NetworkDefinition, 'id'>): string {
  return `hull ${identity.tag} ${id.slice(0, 12)}`;
}
