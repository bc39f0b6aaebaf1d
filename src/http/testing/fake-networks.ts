import { randomBytes } from 'node:crypto';
import type { ConnectSettings, CreateNetwork, Instances, NetworkMember, Networks } from '../../engine/api.ts';
import { networkId } from '../../lib/derived-id.ts';
import { HullError } from '../../model/errors.ts';
import { networkOf } from '../../model/instance-status.ts';
import type { NetworkDefinition, NetworkDriver } from '../../model/network.ts';

/** Networks in memory: definitions, and who was connected to what. */
export class FakeNetworks implements Networks {
  readonly #instances: Pick<Instances, 'get' | 'list'>;
  readonly #builtIn: readonly NetworkDefinition[];
  readonly #users = new Map<string, NetworkDefinition>();
  /** What `connect` was called with, by network and instance. */
  readonly connected = new Map<string, ConnectSettings>();

  constructor(
    instances: Pick<Instances, 'get' | 'list'>,
    identity: { tag: string; dataDir: string; runDir: string },
  ) {
    this.#instances = instances;
    const pool = { subnet: '10.9.0.0/16', gateway: '10.9.0.1', chosen: false, auxiliary: {} };
    const make = (name: string, driver: NetworkDriver) => ({
      ...BLANK,
      id: networkId(identity, name),
      name,
      driver,
    });
    this.#builtIn = [
      { ...make('bridge', 'bridge'), pools: [pool] },
      make('host', 'host'),
      make('none', 'null'),
    ];
  }

  list(): readonly NetworkDefinition[] {
    return [...this.#builtIn, ...this.#users.values()];
  }

  get(nameOrId: string): NetworkDefinition {
    const found = this.list().find(({ id, name }) => name === nameOrId || id.startsWith(nameOrId));
    if (found === undefined) throw new HullError('network-not-found', `network ${nameOrId} not found`);
    return found;
  }

  isBuiltIn({ id }: NetworkDefinition): boolean {
    return !this.#users.has(id);
  }

  members({ name }: NetworkDefinition): readonly NetworkMember[] {
    return this.#instances.list().flatMap(({ config, status }) =>
      networkOf(status)
        .endpoints.filter(({ network }) => network === name)
        .map(({ endpointId, macAddress, address, prefixLength }) => ({
          instanceId: config.id,
          name: config.name,
          endpointId,
          macAddress,
          ipv4: `${address}/${prefixLength}`,
          ipv6: '',
        })),
    );
  }

  create(request: CreateNetwork): Promise<NetworkDefinition> {
    const { name, labels = {}, options = {}, internal = false, ipv6 = false } = request;
    const id = randomBytes(32).toString('hex');
    const definition = { ...BLANK, id, name, labels, options, internal, ipv6, driver: 'bridge' as const };
    this.#users.set(id, definition);
    return Promise.resolve(definition);
  }

  remove(nameOrId: string): Promise<void> {
    const definition = this.get(nameOrId);
    if (!this.#users.delete(definition.id))
      return Promise.reject(
        new HullError('network-forbidden', `${definition.name} is a pre-defined network`),
      );
    return Promise.resolve();
  }

  connect(nameOrId: string, instance: string, settings: ConnectSettings): Promise<void> {
    this.connected.set(`${this.get(nameOrId).name} ${this.#instances.get(instance).config.name}`, settings);
    return Promise.resolve();
  }

  disconnect(nameOrId: string, instance: string): Promise<void> {
    this.connected.delete(`${this.get(nameOrId).name} ${this.#instances.get(instance).config.name}`);
    return Promise.resolve();
  }

  prune(wanted: (definition: NetworkDefinition) => boolean): Promise<readonly string[]> {
    const gone = [...this.#users.values()].filter(wanted);
    for (const { id } of gone) this.#users.delete(id);
    return Promise.resolve(gone.map(({ name }) => name));
  }
}

const BLANK: Omit<NetworkDefinition, 'id' | 'name' | 'driver'> = {
  createdAt: Date.UTC(2025, 0, 1),
  internal: false,
  attachable: false,
  ipv6: false,
  pools: [],
  options: {},
  ipamOptions: null,
  labels: {},
  link: '',
};
