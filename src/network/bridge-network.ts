import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Host } from '../host/host.ts';
import type { NamespaceSetup } from '../host/net-namespace.ts';
import { Rollback } from '../lib/rollback.ts';
import { networkId } from '../model/derived-id.ts';
import { type EngineIdentity, names } from '../model/engine-identity.ts';
import { HullError } from '../model/errors.ts';
import type { PortBinding } from '../model/instance.ts';
import { BRIDGE_OPTIONS, type NetworkDefinition } from '../model/network.ts';
import type { Leftover } from '../runtime/runtime.ts';
import { ActiveNetwork, NETWORK_NAME } from './active-network.ts';
import { Bridge, describeSubnet, gatewayOf, hostMtu } from './bridge.ts';
import { readCounters } from './counters.ts';
import { type PoolSettings } from './endpoint-pool.ts';
import { Firewall } from './firewall.ts';
import { HostResolver } from './host-resolver.ts';
import { HostSettings } from './host-settings.ts';
import { listLeftovers } from './inventory.ts';
import { formatAddress, parseSubnet, type Subnet } from './ipv4.ts';
import { linksOf } from './joiner.ts';
import { namespaceOf, publishedThrough } from './lease.ts';
import { INSTANCE_LINK, Links } from './links.ts';
import type {
  Attachment,
  AttachRequest,
  ConnectRequest,
  KnownLease,
  LinkCounters,
  Network,
  NetworkDraft,
  NetworkLease,
  Resolver,
} from './network.ts';
import { planNetwork } from './plan.ts';
import { expandBindings } from './port-bindings.ts';
import { defaultRoutes } from './routes.ts';
import { SubnetFile } from './subnet-file.ts';

export interface NetworkSettings {
  /** `a.b.c.d/n`; default: the first free one of `candidates()`. */
  readonly subnet?: string;
  readonly mtu?: number;
  readonly pool?: Partial<PoolSettings>;
  /** Default: /etc/resolv.conf. */
  readonly resolvConf?: string;
  readonly log?: (message: string) => void;
}

/** Looks for stale things, and milliseconds between them. */
const STALE_ROUNDS = 20;
const STALE_PAUSE = 10;

/** All networks of the engine. `start` makes an `ActiveNetwork`; this is what stays the same before and after. */
export class BridgeNetwork implements Network {
  readonly #host: Host;
  readonly #setup: NamespaceSetup;
  readonly #identity: EngineIdentity;
  readonly #settings: NetworkSettings;
  readonly #folder: string;
  readonly #bridge: Bridge;
  readonly #links: Links;
  readonly #firewall: Firewall;
  readonly #hostSettings: HostSettings;
  readonly #resolver: HostResolver;
  #active: ActiveNetwork | null = null;

  constructor(host: Host, setup: NamespaceSetup, identity: EngineIdentity, settings: NetworkSettings) {
    this.#host = host;
    this.#setup = setup;
    this.#identity = identity;
    this.#settings = settings;
    this.#folder = join(identity.runDir, 'netns');
    this.#bridge = new Bridge(host, names.bridge(identity));
    const prefix = names.hostLink(identity, '');
    // A group number of this engine's own: 'hl' and the tag.
    this.#links = new Links(host, { prefix, group: 0x686c_0000 + parseInt(identity.tag, 16) });
    this.#firewall = new Firewall(host, names.nftTable(identity));
    this.#hostSettings = new HostSettings(host, join(identity.runDir, 'network-restore'));
    this.#resolver = new HostResolver(settings.resolvConf);
  }

  async start(
    leases: ReadonlyMap<string, KnownLease>,
    definitions: readonly NetworkDefinition[] = [],
  ): Promise<void> {
    if (this.#active !== null) throw new HullError('internal', 'the network was started twice');
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    await this.#removeStale(leases);
    const mtu = this.#settings.mtu ?? hostMtu();
    const subnet = await this.#takeSubnet(leases, mtu);
    this.#hostSettings.forward();
    const active = new ActiveNetwork({
      host: this.#host,
      setup: this.#setup,
      identity: this.#identity,
      folder: this.#folder,
      links: this.#links,
      firewall: this.#firewall,
      settings: this.#hostSettings,
      resolver: this.#resolver,
      definition: this.#defaultDefinition(subnet, mtu),
      subnet,
      gateway: gatewayOf(subnet),
      mtu,
      pool: this.#settings.pool ?? {},
      log: this.#settings.log ?? (() => undefined),
    });
    try {
      await active.open(leases, definitions);
    } catch (error) {
      await active.close();
      throw error;
    }
    this.#active = active;
  }

  async stop(): Promise<void> {
    await this.#active?.close();
    this.#active = null;
  }

  async teardown(): Promise<void> {
    const active = this.#active;
    if (active !== null && active.leases.size > 0)
      throw new HullError(
        'wrong-state',
        `the network of ${active.leases.size} instances cannot be removed; remove the instances first`,
      );
    await this.stop();
    await this.#removeStale(new Map());
    for (const segment of active?.segments ?? []) await segment.remove();
    for (const leftover of await this.inventory()) if (leftover.kind === 'link') await leftover.remove();
    await this.#firewall.remove();
    await this.#hostSettings.restore(this.#bridge.name);
    await this.#bridge.remove();
    await this.#host.files.removeTree(this.#folder);
  }

  async attach(request: AttachRequest): Promise<NetworkLease> {
    const active = this.#started();
    const { instanceId, names: dnsNames, mode } = request;
    if (active.leases.has(instanceId)) {
      throw new HullError('wrong-state', `the instance ${instanceId.slice(0, 12)} is connected already`);
    }
    if (mode === 'bridge') return this.#attachNetworks(active, request);
    const lease = mode === 'container' ? joinedLease(request) : this.#attachAlone(request);
    active.know(instanceId, { lease, names: dnsNames });
    return lease;
  }

  async detach(instanceId: string, lease: NetworkLease): Promise<void> {
    const active = this.#started();
    await active.release(instanceId, lease);
    const namespace = lease.mode === 'none' ? namespaceOf(lease) : null;
    if (namespace !== null) await this.#host.namespaces.removeNet(namespace);
  }

  async connect(
    instanceId: string,
    connection: ConnectRequest,
    ports: readonly PortBinding[],
  ): Promise<NetworkLease> {
    const active = this.#started();
    const known = this.#known(active, instanceId);
    const { lease, names: own } = known;
    const namespace = namespaceOf(lease);
    if (namespace === null) throw new HullError('internal', 'an instance without a namespace was connected');
    await using undo = new Rollback();
    const attachment = await active.joiner.add(namespace, lease.attachments, connection, own);
    undo.defer('take it off again', () => active.joiner.drop(namespace, attachment));
    const attachments = [...lease.attachments, attachment];
    await active.joiner.route(namespace, lease.attachments, attachments);
    undo.defer('move the routes back', () => active.joiner.route(namespace, attachments, lease.attachments));
    const reserved =
      lease.ports.length > 0 ? lease.ports : await this.#reserve(active, instanceId, attachments, ports);
    const after = leaseOf(namespace, attachments, reserved);
    active.know(instanceId, { ...known, lease: after });
    await active.publish(instanceId, after);
    undo.commit();
    return after;
  }

  async disconnect(instanceId: string, networkIdentity: string): Promise<NetworkLease> {
    const active = this.#started();
    const known = this.#known(active, instanceId);
    const { lease } = known;
    const namespace = namespaceOf(lease);
    const gone = lease.attachments.find(({ endpoint }) => endpoint.networkId === networkIdentity);
    if (namespace === null || gone === undefined) return lease;
    const attachments = lease.attachments.filter((attachment) => attachment !== gone);
    const after = leaseOf(namespace, attachments, publishedThrough(attachments) === null ? [] : lease.ports);
    active.know(instanceId, { ...known, lease: after });
    await active.publish(instanceId, after);
    if (after.ports.length === 0) await active.ports.release(instanceId);
    await active.joiner.drop(namespace, gone);
    await active.joiner.route(namespace, lease.attachments, attachments);
    return after;
  }

  rename(instanceId: string, own: readonly string[]): NetworkLease | null {
    const active = this.#started();
    const known = active.leases.get(instanceId);
    if (known === undefined) return null;
    const lease = { ...known.lease, attachments: renamed(known.lease.attachments, own) };
    active.know(instanceId, { ...known, lease, names: own });
    return lease;
  }

  async republish(instanceId: string, ports: readonly PortBinding[]): Promise<NetworkLease> {
    const active = this.#started();
    const known = this.#known(active, instanceId);
    const { lease } = known;
    const namespace = namespaceOf(lease);
    if (lease.mode !== 'bridge' || namespace === null) return lease;
    await active.ports.release(instanceId);
    const reserved = await this.#reserve(active, instanceId, lease.attachments, ports).catch(
      async (error: unknown) => {
        await active.ports.reserve(instanceId, lease.ports);
        throw error;
      },
    );
    const after = leaseOf(namespace, lease.attachments, reserved);
    active.know(instanceId, { ...known, lease: after });
    await active.publish(instanceId, after);
    return after;
  }

  async plan(draft: NetworkDraft): Promise<NetworkDefinition> {
    const existing = [...this.#started().segments].map((segment) => segment.definition);
    return planNetwork(this.#host, draft, existing);
  }

  add(definition: NetworkDefinition): Promise<void> {
    return this.#started().add(definition);
  }

  remove(definition: NetworkDefinition): Promise<void> {
    return this.#started().remove(definition);
  }

  defaultNetwork(): NetworkDefinition {
    return this.#started().options.definition;
  }

  counters(
    lease: NetworkLease,
  ): Promise<readonly { readonly name: string; readonly counters: LinkCounters }[]> {
    const counted = lease.attachments.flatMap(({ endpoint, hostLink }) => {
      const counters = hostLink === null ? null : readCounters(hostLink);
      return counters === null ? [] : [{ name: endpoint.link, counters }];
    });
    return Promise.resolve(counted);
  }

  resolver(lease: NetworkLease): Resolver {
    const { nameservers, search, options } = this.#resolver.current();
    const attached = lease.attachments.length > 0;
    if (!attached)
      return { nameservers: lease.mode === 'none' ? [] : nameservers, search, options, embedded: false };
    const first = defaultRoutes(lease.attachments).ipv4;
    const own =
      first?.resolver ?? lease.attachments.find(({ resolver }) => resolver !== null)?.resolver ?? null;
    const embedded = own !== null && own !== this.describe().gateway;
    return { nameservers: own === null ? nameservers : [own], search, options, embedded };
  }

  describe(): { name: string; subnet: string; gateway: string; bridge: string } {
    return { name: NETWORK_NAME, ...describeSubnet(this.#started().subnet), bridge: this.#bridge.name };
  }

  async inventory(): Promise<readonly Leftover[]> {
    await this.#active?.settled();
    return listLeftovers({ ...this.#parts(), active: this.#active });
  }

  #started(): ActiveNetwork {
    if (this.#active === null) throw new HullError('internal', 'the network was used before it was started');
    return this.#active;
  }

  #known(active: ActiveNetwork, instanceId: string): KnownLease {
    const known = active.leases.get(instanceId);
    if (known === undefined)
      throw new HullError('wrong-state', `the instance ${instanceId.slice(0, 12)} has no network now`);
    return known;
  }

  async #attachNetworks(active: ActiveNetwork, request: AttachRequest): Promise<NetworkLease> {
    const { instanceId, ports, names: own, connections, upstreams } = request;
    await using undo = new Rollback();
    const { namespace, attachments } =
      connections === undefined || isPlain(connections, active.options.definition.id)
        ? await this.#fromPool(active, connections?.[0], own)
        : await active.joiner.make(instanceId, connections, own);
    undo.defer('remove the namespace', () => active.joiner.discard(namespace, attachments));
    const reserved = await this.#reserve(active, instanceId, attachments, ports);
    undo.defer('release the ports', () => active.ports.release(instanceId));
    const lease = leaseOf(namespace, attachments, reserved);
    active.know(instanceId, { lease, names: own, ...(upstreams === undefined ? {} : { upstreams }) });
    undo.defer('forget the lease', () => void active.forget(instanceId));
    if (reserved.length > 0) await active.publish(instanceId, lease);
    undo.commit();
    return lease;
  }

  /** What the host's ports become, now that it is known where they lead. */
  #reserve(
    active: ActiveNetwork,
    instanceId: string,
    attachments: readonly Attachment[],
    ports: readonly PortBinding[],
  ): Promise<readonly PortBinding[]> {
    const through = publishedThrough(attachments);
    if (through === null || ports.length === 0) return Promise.resolve([]);
    const { options } = active.segment(through.endpoint.networkId).definition;
    const address = options[BRIDGE_OPTIONS.hostAddress] ?? '';
    const bindings = expandBindings(ports, { ipv6: through.endpoint.ipv6 !== null, address });
    return active.ports.reserve(instanceId, bindings);
  }

  async #fromPool(
    active: ActiveNetwork,
    connection: ConnectRequest | undefined,
    own: readonly string[],
  ): Promise<{ namespace: string; attachments: readonly Attachment[] }> {
    const { definition, mtu } = active.options;
    const taken = await active.pool.take();
    active.endpoints.handOver(taken);
    const [first = '', ...others] = own;
    const aliases = connection?.aliases ?? [];
    const attachment: Attachment = {
      endpoint: {
        network: NETWORK_NAME,
        networkId: definition.id,
        endpointId: randomBytes(32).toString('hex'),
        link: INSTANCE_LINK,
        address: formatAddress(taken.address),
        prefixLength: active.subnet.prefixLength,
        gateway: this.describe().gateway,
        ipv6: null,
        macAddress: taken.macAddress,
        aliases,
        names: [...new Set([first, ...aliases, ...others])],
      },
      hostLink: taken.hostLink,
      gatewayPriority: connection?.gatewayPriority ?? 0,
      publishes: true,
      links: connection?.links ?? [],
      mtu,
      resolver: this.describe().gateway,
    };
    return { namespace: taken.namespace, attachments: [attachment] };
  }

  #attachAlone({ instanceId, mode }: AttachRequest): NetworkLease {
    const alone = { mode, attachments: [], ports: [] };
    if (mode === 'host') return { ...alone, bundle: { mode } };
    return { ...alone, bundle: { mode: 'none', namespace: this.#isolated(instanceId), links: [] } };
  }

  /** A namespace with loopback alone. */
  #isolated(instanceId: string): string {
    const path = join(this.#folder, `none-${instanceId.slice(0, 12)}`);
    this.#host.namespaces.createNet(path);
    this.#setup.configure(path, null);
    return path;
  }

  #defaultDefinition(subnet: Subnet, mtu: number): NetworkDefinition {
    const described = describeSubnet(subnet);
    return {
      id: networkId(this.#identity, NETWORK_NAME),
      name: NETWORK_NAME,
      driver: 'bridge',
      createdAt: Date.now(),
      internal: false,
      attachable: false,
      ipv6: false,
      pools: [{ ...described, chosen: false, auxiliary: {} }],
      options: {
        'com.docker.network.bridge.default_bridge': 'true',
        [BRIDGE_OPTIONS.icc]: 'true',
        [BRIDGE_OPTIONS.masquerade]: 'true',
        [BRIDGE_OPTIONS.hostAddress]: '0.0.0.0',
        [BRIDGE_OPTIONS.name]: this.#bridge.name,
        [BRIDGE_OPTIONS.mtu]: String(mtu),
      },
      ipamOptions: null,
      labels: {},
      link: this.#bridge.name,
    };
  }

  /**
   * What a killed daemon left: namespaces and links that no lease speaks of. An `ip -batch` of that daemon's may still be at work: without the
   * namespaces its next line fails, and what it made until then is seen in another look.
   */
  async #removeStale(leases: ReadonlyMap<string, KnownLease>): Promise<void> {
    const list = async () => {
      const active = { leases, held: [], segments: [] };
      const all = await listLeftovers({ ...this.#parts(), firewall: null, bridges: false, active });
      return all.filter((leftover) => leftover.owner === null);
    };
    let stale = await list();
    for (let round = 0; stale.length > 0 && round < STALE_ROUNDS; round++) {
      for (const leftover of stale) if (leftover.kind === 'namespace') await leftover.remove();
      // A link may vanish with its namespace in the same moment; one that stays is in the next list.
      const links = stale.filter((leftover) => leftover.kind === 'link').map((leftover) => leftover.what);
      await this.#links.remove(links).catch(() => undefined);
      await setTimeout(STALE_PAUSE);
      stale = await list();
    }
  }

  #parts() {
    return {
      host: this.#host,
      identity: this.#identity,
      folder: this.#folder,
      bridge: this.#bridge,
      links: this.#links,
      firewall: this.#firewall,
      settings: this.#hostSettings,
    };
  }

  async #takeSubnet(leases: ReadonlyMap<string, KnownLease>, mtu: number): Promise<Subnet> {
    const file = new SubnetFile(this.#host, this.#identity.dataDir);
    const leased = [...leases.values()]
      .flatMap(({ lease }) => lease.attachments.map(({ endpoint }) => endpoint))
      .find((endpoint) => endpoint.network === NETWORK_NAME);
    const kept = leased === undefined ? file.read() : parseSubnet(`${leased.gateway}/${leased.prefixLength}`);
    const set = this.#settings.subnet === undefined ? null : parseSubnet(this.#settings.subnet);
    if (this.#settings.subnet !== undefined && (set === null || set.prefixLength > 29)) {
      throw new HullError(
        'invalid-argument',
        `the subnet ${this.#settings.subnet} is not of the form 172.20.0.0/16, with a prefix of at most 29`,
      );
    }
    const pinned = leased !== undefined;
    const subnet = await this.#bridge.ensure({
      kept: pinned ? kept : (set ?? kept),
      pinned,
      wanted: set === null ? null : [set],
      mtu,
    });
    await file.write(subnet);
    return subnet;
  }
}

function leaseOf(
  namespace: string,
  attachments: readonly Attachment[],
  ports: readonly PortBinding[],
): NetworkLease {
  return {
    mode: 'bridge',
    bundle: { mode: 'bridge', namespace, links: linksOf(attachments) },
    attachments,
    ports,
  };
}

/** The namespace is another instance's, with all that goes with it. */
function joinedLease({ joined }: AttachRequest): NetworkLease {
  if (joined === undefined) throw new HullError('internal', 'no instance was named whose network to join');
  const { bundle } = joined;
  return {
    mode: 'container',
    bundle: bundle.mode === 'host' ? bundle : { mode: 'container', namespace: bundle.namespace, links: [] },
    attachments: [],
    ports: [],
  };
}

/** The default network alone, with nothing that an endpoint of the pool cannot have. */
function isPlain(connections: readonly ConnectRequest[], defaultId: string): boolean {
  const [only, ...others] = connections;
  return (
    others.length === 0 &&
    only?.networkId === defaultId &&
    only.ipv4 === undefined &&
    only.ipv6 === undefined &&
    only.macAddress === undefined
  );
}

/** The same places under other names of the instance's; aliases stay. */
function renamed(attachments: readonly Attachment[], own: readonly string[]): readonly Attachment[] {
  const [first = '', ...others] = own;
  return attachments.map((attachment) => {
    const { endpoint } = attachment;
    const names = [...new Set([first, ...endpoint.aliases, ...others])];
    return { ...attachment, endpoint: { ...endpoint, names } };
  });
}
