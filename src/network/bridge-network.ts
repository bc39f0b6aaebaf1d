import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Host } from '../host/host.ts';
import type { NamespaceSetup } from '../host/net-namespace.ts';
import { type Prefix, parsePrefix4 } from '../lib/ip.ts';
import { networkId } from '../lib/derived-id.ts';
import { type EngineIdentity, names } from '../model/engine-identity.ts';
import { HullError } from '../model/errors.ts';
import type { PortBinding } from '../model/instance.ts';
import { BRIDGE_OPTIONS, type NetworkDefinition } from '../model/network.ts';
import type { Leftover } from '../model/leftover.ts';
import { ActiveNetwork, NETWORK_NAME } from './active-network.ts';
import { Attacher } from './attacher.ts';
import { Bridge, describeSubnet, hostMtu } from './bridge.ts';
import { readCounters } from './counters.ts';
import { Firewall } from './firewall.ts';
import { HostResolver } from './host-resolver.ts';
import { HostSettings } from './host-settings.ts';
import { listLeftovers } from './inventory.ts';
import { Links } from './links.ts';
import type {
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
import { PortGuard } from './port-guard.ts';
import type { PoolSettings } from './ready-pool.ts';
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
  readonly #guard: PortGuard;
  readonly #hostSettings: HostSettings;
  readonly #resolver: HostResolver;
  #active: ActiveNetwork | null = null;
  #attaching: Attacher | null = null;

  constructor(host: Host, setup: NamespaceSetup, identity: EngineIdentity, settings: NetworkSettings) {
    this.#host = host;
    this.#setup = setup;
    this.#identity = identity;
    this.#settings = settings;
    this.#folder = join(identity.runDir, 'netns');
    this.#bridge = new Bridge(host, names.bridge(identity));
    const prefix = names.hostLink(identity, '');
    // A group number of this engine's own: 'hl' and the tag.
    this.#firewall = new Firewall(host, names.nftTable(identity));
    const change = (text: () => string) => this.#firewall.change(text);
    this.#guard = new PortGuard({ name: names.nftTable(identity), prefix, change });
    const group = 0x686c_0000 + parseInt(identity.tag, 16);
    this.#links = new Links(host, { prefix, group, guard: this.#guard });
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
    this.#hostSettings.recover();
    const active = new ActiveNetwork({
      host: this.#host,
      setup: this.#setup,
      identity: this.#identity,
      folder: this.#folder,
      links: this.#links,
      firewall: this.#firewall,
      guard: this.#guard,
      settings: this.#hostSettings,
      resolvConf: this.#settings.resolvConf,
      definition: this.#defaultDefinition(subnet, mtu),
      subnet,
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
    await this.#bridge.remove();
    await this.#hostSettings.restore(this.#bridge.name);
    await this.#host.files.removeTree(this.#folder);
  }

  attach(request: AttachRequest): Promise<NetworkLease> {
    return this.#attacher().attach(request);
  }

  detach(instanceId: string, lease: NetworkLease): Promise<void> {
    return this.#started().release(instanceId, lease);
  }

  connect(
    instanceId: string,
    connection: ConnectRequest,
    ports: readonly PortBinding[],
  ): Promise<NetworkLease> {
    return this.#attacher().connect(instanceId, connection, ports);
  }

  disconnect(instanceId: string, networkIdentity: string): Promise<NetworkLease> {
    return this.#attacher().disconnect(instanceId, networkIdentity);
  }

  rename(instanceId: string, own: readonly string[]): NetworkLease | null {
    return this.#attacher().rename(instanceId, own);
  }

  republish(instanceId: string, ports: readonly PortBinding[]): Promise<NetworkLease> {
    return this.#attacher().republish(instanceId, ports);
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

  warnings(): readonly string[] {
    const { missing } = this.#guard;
    const outside = [...(this.#active?.segments ?? [])].filter(({ hasHostLinks }) => !hasHostLinks);
    return [
      ...(missing === null
        ? []
        : [
            `Instances of one network are not kept from sending as each other, only from sending as others: the kernel has no nftables for bridges (${missing})`,
          ]),
      ...outside.map(
        ({ definition: { name, driver } }) =>
          `Instances of the ${driver} network ${name} are not kept from sending as others: the network outside sees their frames as they are`,
      ),
    ];
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

  #attacher(): Attacher {
    const active = this.#started();
    if (this.#attaching?.active !== active) this.#attaching = new Attacher(active);
    return this.#attaching;
  }

  #defaultDefinition(subnet: Prefix, mtu: number): NetworkDefinition {
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

  async #takeSubnet(leases: ReadonlyMap<string, KnownLease>, mtu: number): Promise<Prefix> {
    const file = new SubnetFile(this.#host, this.#identity.dataDir);
    const leased = [...leases.values()]
      .flatMap(({ lease }) => lease.attachments.map(({ endpoint }) => endpoint))
      .find((endpoint) => endpoint.network === NETWORK_NAME);
    const kept =
      leased === undefined ? file.read() : parsePrefix4(`${leased.gateway}/${leased.prefixLength}`);
    const set = this.#settings.subnet === undefined ? null : parsePrefix4(this.#settings.subnet);
    if (this.#settings.subnet !== undefined && (set === null || set.length > 29)) {
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
