import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Host } from '../host/host.ts';
import type { NamespaceSetup } from '../host/net-namespace.ts';
import { Rollback } from '../lib/rollback.ts';
import { type EngineIdentity, names } from '../model/engine-identity.ts';
import { HullError } from '../model/errors.ts';
import type { NetworkMode, PortBinding } from '../model/instance.ts';
import type { Leftover } from '../runtime/runtime.ts';
import { ActiveNetwork, NETWORK_NAME } from './active-network.ts';
import { Bridge, describeSubnet, hostMtu } from './bridge.ts';
import { readCounters } from './counters.ts';
import type { Endpoint } from './endpoints.ts';
import { type PoolSettings } from './endpoint-pool.ts';
import { Firewall } from './firewall.ts';
import { HostResolver } from './host-resolver.ts';
import { HostSettings } from './host-settings.ts';
import { listLeftovers } from './inventory.ts';
import { formatAddress, parseSubnet, type Subnet } from './ipv4.ts';
import { type KnownLease, namespaceOf } from './lease.ts';
import { INSTANCE_LINK, Links } from './links.ts';
import type { AttachRequest, LinkCounters, Network, NetworkLease } from './network.ts';
import { SubnetFile } from './subnet-file.ts';

export interface NetworkSettings {
  /** `a.b.c.d/n`; default: the first free one of `candidates()`. */
  readonly subnet?: string;
  readonly mtu?: number;
  readonly pool?: Partial<PoolSettings>;
  /** Default: /etc/resolv.conf. */
  readonly resolvConf?: string;
}

/** Looks for stale things, and milliseconds between them. */
const STALE_ROUNDS = 20;
const STALE_PAUSE = 10;

/** One bridge for all instances of the engine. `start` makes an `ActiveNetwork`; this is what stays the same before and after. */
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
    this.#links = new Links(host, {
      bridge: this.#bridge.name,
      prefix,
      group: 0x686c_0000 + parseInt(identity.tag, 16),
    });
    this.#firewall = new Firewall(host, names.nftTable(identity));
    this.#hostSettings = new HostSettings(host, this.#bridge.name, join(identity.runDir, 'network-restore'));
    this.#resolver = new HostResolver(settings.resolvConf);
  }

  async start(leases: ReadonlyMap<string, KnownLease>): Promise<void> {
    if (this.#active !== null) throw new HullError('internal', 'the network was started twice');
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    await this.#removeStale(leases);
    const mtu = this.#settings.mtu ?? hostMtu();
    const subnet = await this.#takeSubnet(leases, mtu);
    await this.#hostSettings.apply();
    const active = new ActiveNetwork({
      host: this.#host,
      setup: this.#setup,
      identity: this.#identity,
      folder: this.#folder,
      links: this.#links,
      firewall: this.#firewall,
      resolver: this.#resolver,
      subnet,
      mtu,
      pool: this.#settings.pool ?? {},
    });
    try {
      await active.open(leases);
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
    const count = this.#active?.leases.size ?? 0;
    if (count > 0)
      throw new HullError(
        'wrong-state',
        `the network of ${count} instances cannot be removed; remove the instances first`,
      );
    await this.stop();
    await this.#removeStale(new Map());
    await this.#firewall.remove();
    await this.#hostSettings.restore();
    await this.#bridge.remove();
    await this.#host.files.removeTree(this.#folder);
  }

  async attach(request: AttachRequest): Promise<NetworkLease> {
    const active = this.#started();
    const { instanceId, names: dnsNames } = request;
    if (active.leases.has(instanceId)) {
      throw new HullError('wrong-state', `the instance ${instanceId.slice(0, 12)} is connected already`);
    }
    const lease =
      request.mode === 'bridge' ? await this.#attachBridge(active, request) : this.#attachAlone(request);
    active.know(instanceId, { lease, names: dnsNames });
    return lease;
  }

  async detach(instanceId: string, lease: NetworkLease): Promise<void> {
    await this.#started().release(instanceId, lease);
    const namespace = lease.mode === 'none' ? namespaceOf(lease) : null;
    if (namespace !== null) await this.#host.namespaces.removeNet(namespace);
  }

  counters(lease: NetworkLease): Promise<LinkCounters | null> {
    const link = lease.attachments[0]?.hostLink ?? null;
    return Promise.resolve(link === null ? null : readCounters(link));
  }

  resolver(mode: NetworkMode): {
    nameservers: readonly string[];
    search: readonly string[];
    options: readonly string[];
  } {
    const { nameservers, search, options } = this.#resolver.current();
    if (mode === 'bridge') return { nameservers: [this.describe().gateway], search, options };
    return { nameservers: mode === 'host' ? nameservers : [], search, options };
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

  async #attachBridge(active: ActiveNetwork, request: AttachRequest): Promise<NetworkLease> {
    await using undo = new Rollback();
    const ports = await active.ports.reserve(request.instanceId, request.ports);
    undo.defer('release the ports', () => active.ports.release(request.instanceId));
    const endpoint = await active.pool.take();
    undo.defer('remove the namespace', () => active.endpoints.discard([endpoint]));
    const lease = this.#lease(active, endpoint, ports, request.names);
    active.know(request.instanceId, { lease, names: request.names });
    undo.defer('forget the lease', () => void active.forget(request.instanceId));
    await active.publish(lease);
    undo.commit();
    return lease;
  }

  #attachAlone({ instanceId, mode }: AttachRequest): NetworkLease {
    const alone = { mode, attachments: [], ports: [] };
    if (mode === 'host') return { ...alone, bundle: { mode } };
    return { ...alone, bundle: { mode: 'none', namespace: this.#isolated(instanceId), links: [] } };
  }

  #lease(
    active: ActiveNetwork,
    endpoint: Endpoint,
    ports: readonly PortBinding[],
    names: readonly string[],
  ): NetworkLease {
    const { macAddress, namespace, hostLink } = endpoint;
    const common = {
      macAddress,
      address: formatAddress(endpoint.address),
      prefixLength: active.subnet.prefixLength,
      gateway: this.describe().gateway,
    };
    return {
      mode: 'bridge',
      bundle: {
        mode: 'bridge',
        namespace,
        links: [{ name: INSTANCE_LINK, ...common, ipv6: null, mtu: active.mtu }],
      },
      attachments: [
        {
          endpoint: {
            network: NETWORK_NAME,
            networkId: '',
            endpointId: randomBytes(32).toString('hex'),
            link: INSTANCE_LINK,
            ...common,
            ipv6: null,
            aliases: [],
            names,
          },
          hostLink,
        },
      ],
      ports,
    };
  }

  /** A namespace with loopback alone. */
  #isolated(instanceId: string): string {
    const path = join(this.#folder, `none-${instanceId.slice(0, 12)}`);
    this.#host.namespaces.createNet(path);
    this.#setup.configure(path, null);
    return path;
  }

  /**
   * What a killed daemon left: namespaces and links that no lease speaks of. An `ip -batch` of that daemon's may still be at work: without the
   * namespaces its next line fails, and what it made until then is seen in another look.
   */
  async #removeStale(leases: ReadonlyMap<string, KnownLease>): Promise<void> {
    const list = async () => {
      const active = { leases, endpoints: { held: [] } };
      const all = await listLeftovers({ ...this.#parts(), firewall: null, active });
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
      folder: this.#folder,
      bridge: this.#bridge,
      links: this.#links,
      firewall: this.#firewall,
    };
  }

  async #takeSubnet(leases: ReadonlyMap<string, KnownLease>, mtu: number): Promise<Subnet> {
    const file = new SubnetFile(this.#host, this.#identity.dataDir);
    const leased = [...leases.values()]
      .map(({ lease }) => lease.attachments[0]?.endpoint)
      .find((endpoint) => endpoint !== undefined);
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
