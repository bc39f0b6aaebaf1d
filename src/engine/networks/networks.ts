import { randomBytes } from 'node:crypto';
import { KeyedLock } from '../../lib/keyed-lock.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import { HullError } from '../../model/errors.ts';
import { isAlive, networkOf } from '../../model/instance-status.ts';
import type { Instance, NetworkConnection } from '../../model/instance.ts';
import type { NetworkDefinition } from '../../model/network.ts';
import type { Network, NetworkLease } from '../../network/network.ts';
import type { ConnectSettings, CreateNetwork, NetworkMember, Networks } from '../api.ts';
import type { EventBus } from '../events.ts';
import { traitsOf } from '../isolations.ts';
import type { Lifecycle } from '../instances/lifecycle.ts';
import { updateNameFiles } from '../instances/name-files.ts';
import type { InstanceRecord } from '../instances/record.ts';
import type { Registry } from '../instances/registry.ts';
import { BUILT_IN, type NetworkCatalog } from './catalog.ts';
import { checkConnection, plainConnection } from './connections.ts';
import { networkAttributes } from './events.ts';

export interface NetworksParts {
  readonly identity: EngineIdentity;
  readonly network: Network;
  readonly catalog: NetworkCatalog;
  readonly registry: Registry;
  readonly lifecycle: Pick<Lifecycle, 'exclusively'>;
  readonly events: EventBus;
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
/** Networks are made and removed one at a time: each looks at all the others. */
const ONE_AT_A_TIME = 'networks';

/** Use cases of networks. */
export class NetworkService implements Networks {
  readonly #parts: NetworksParts;
  readonly #queue = new KeyedLock();

  constructor(parts: NetworksParts) {
    this.#parts = parts;
  }

  list(): readonly NetworkDefinition[] {
    return this.#parts.catalog.list();
  }

  get(nameOrId: string): NetworkDefinition {
    return this.#parts.catalog.get(nameOrId);
  }

  isBuiltIn(definition: NetworkDefinition): boolean {
    return this.#parts.catalog.isBuiltIn(definition);
  }

  members(definition: NetworkDefinition): readonly NetworkMember[] {
    return this.#parts.registry
      .list()
      .filter(({ status }) => isAlive(status))
      .flatMap((record) => memberOf(record, definition));
  }

  create(request: CreateNetwork): Promise<NetworkDefinition> {
    const { catalog, network, events } = this.#parts;
    return this.#queue.run(ONE_AT_A_TIME, async () => {
      const { name } = request;
      checkName(name);
      if (this.list().some((other) => other.name === name))
        throw new HullError('name-in-use', `network with name ${name} already exists`);
      const definition = await network.plan({
        id: randomBytes(32).toString('hex'),
        name,
        driver: driverOf(request.driver ?? ''),
        internal: request.internal ?? false,
        attachable: request.attachable ?? false,
        ipv6: request.ipv6 ?? false,
        options: request.options ?? {},
        ipamOptions: request.ipamOptions ?? null,
        labels: request.labels ?? {},
        pools: request.pools ?? [],
      });
      // The row first: a bridge without one is removed by the next daemon, a row without a bridge is made again.
      catalog.add(definition);
      try {
        await network.add(definition);
      } catch (error) {
        catalog.delete(definition.id);
        throw error;
      }
      events.publish('network', 'create', definition.id, networkAttributes(definition));
      return definition;
    });
  }

  remove(nameOrId: string): Promise<void> {
    return this.#queue.run(ONE_AT_A_TIME, async () => {
      const { catalog } = this.#parts;
      const damaged = catalog.find(nameOrId) === null ? catalog.findDamaged(nameOrId) : null;
      if (damaged === null) return await this.#remove(this.get(nameOrId));
      // What it was on the host is found by `hull check` from now on.
      this.#refuseNamed(damaged.id);
      catalog.delete(damaged.id);
    });
  }

  async prune(wanted: (definition: NetworkDefinition) => boolean): Promise<readonly string[]> {
    const { catalog, events } = this.#parts;
    const removed: string[] = [];
    this.#parts.registry.damaged.refuseGuessing('pruning networks');
    await this.#queue.run(ONE_AT_A_TIME, async () => {
      for (const definition of catalog.users()) {
        if (!wanted(definition) || this.members(definition).length > 0) continue;
        await this.#remove(definition);
        removed.push(definition.name);
      }
    });
    events.publish('network', 'prune', '', { reclaimed: '0' });
    return removed;
  }

  async connect(nameOrId: string, instance: string, settings: ConnectSettings): Promise<void> {
    const definition = this.get(nameOrId);
    const { id } = this.#parts.registry.get(instance).config;
    await this.#parts.lifecycle.exclusively(id, async () => {
      const record = this.#parts.registry.get(id);
      checkConnectable(record);
      const connection = { ...plainConnection(definition.name), ...settings };
      checkConnection(definition, connection);
      if (isRunning(record)) await this.#connectRunning(record, definition, connection);
      const others = record.config.networks.filter(({ network }) => network !== definition.name);
      this.#parts.registry.reconfigure(id, { networks: [...others, connection] });
    });
  }

  async disconnect(nameOrId: string, instance: string, { force }: { force: boolean }): Promise<void> {
    const { catalog, registry, lifecycle } = this.#parts;
    const definition = force ? catalog.find(nameOrId) : this.get(nameOrId);
    const name = definition?.name ?? nameOrId;
    const { id } = registry.get(instance).config;
    await lifecycle.exclusively(id, async () => {
      const record = registry.get(id);
      const { config, status } = record;
      if (definition?.driver === 'host' && config.networkMode === 'host')
        throw new HullError(
          'invalid-argument',
          'cannot disconnect container from host network - container must be created in host network mode',
        );
      const attached = networkOf(status).endpoints.some(({ networkId }) => networkId === definition?.id);
      const known = config.networks.some(({ network }) => network === name);
      if (!attached && !known)
        throw new HullError(
          'network-forbidden',
          `container ${id} is not connected to ${isRunning(record) ? '' : 'the '}network ${name}`,
        );
      if (attached && definition !== null) await this.#disconnectRunning(record, definition);
      registry.reconfigure(id, {
        networks: config.networks.filter(({ network }) => network !== name),
      });
    });
  }

  /** An instance whose record cannot be read may be on it. */
  #refuseNamed(id: string): void {
    const user = this.#parts.registry.damaged.naming(id);
    if (user === null) return;
    throw new HullError(
      'network-forbidden',
      `the network ${id.slice(0, 12)} is named by the damaged record of ${user.name}: see hull check`,
    );
  }

  async #remove(definition: NetworkDefinition): Promise<void> {
    const { catalog, network, events } = this.#parts;
    const { id, name } = definition;
    if (catalog.isBuiltIn(definition))
      throw new HullError('network-forbidden', `${name} is a pre-defined network and cannot be removed`);
    const members = this.members(definition);
    if (members.length > 0) {
      const list = members.map((member) => `name:"${member.name}" id:"${member.endpointId.slice(0, 12)}"`);
      throw new HullError(
        'network-forbidden',
        `error while removing network: network ${name} has active endpoints (${list.join(', ')})`,
      );
    }
    this.#refuseNamed(id);
    // Nobody finds it any more from now on.
    catalog.delete(id);
    await network.remove(definition);
    events.publish('network', 'destroy', id, networkAttributes(definition));
  }

  async #connectRunning(
    record: InstanceRecord,
    definition: NetworkDefinition,
    connection: NetworkConnection,
  ): Promise<void> {
    const { config, status } = record;
    if (!traitsOf(config.isolation).sharesKernel)
      throw new HullError(
        'not-supported',
        `${config.name} runs as a ${config.isolation}, whose network links are fixed when it starts; stop it first, then connect it`,
      );
    if (networkOf(status).endpoints.some(({ networkId }) => networkId === definition.id))
      throw new HullError(
        'network-forbidden',
        `endpoint with name ${config.name} already exists in network ${definition.name}`,
      );
    const request = { ...connection, networkId: definition.id };
    const lease = await this.#parts.network.connect(config.id, request, config.ports);
    await this.#record(record, lease);
    this.#tell('connect', definition, config.id);
  }

  async #disconnectRunning(record: InstanceRecord, definition: NetworkDefinition): Promise<void> {
    const { config } = record;
    if (!traitsOf(config.isolation).sharesKernel)
      throw new HullError(
        'not-supported',
        `${config.name} runs as a ${config.isolation}, whose network links are fixed while it runs; stop it first`,
      );
    await this.#record(record, await this.#parts.network.disconnect(config.id, definition.id));
    this.#tell('disconnect', definition, config.id);
  }

  async #record(before: InstanceRecord, lease: NetworkLease): Promise<void> {
    const { registry, identity, network } = this.#parts;
    registry.apply(before.config.id, { type: 'attached', lease });
    await updateNameFiles(identity, before, lease, network);
  }

  #tell(action: string, definition: NetworkDefinition, container: string): void {
    const attributes = { container, ...networkAttributes(definition) };
    this.#parts.events.publish('network', action, definition.id, attributes);
  }
}

function isRunning({ status, lease }: InstanceRecord): boolean {
  return isAlive(status) && lease !== null;
}

function memberOf({ config, status }: Instance, definition: NetworkDefinition): NetworkMember[] {
  const named = { instanceId: config.id, name: config.name };
  const mode = definition.driver === 'null' ? 'none' : definition.driver;
  if (mode === config.networkMode && mode !== 'bridge')
    return [{ ...named, endpointId: '', macAddress: '', ipv4: '', ipv6: '' }];
  const endpoint = networkOf(status).endpoints.find(({ networkId }) => networkId === definition.id);
  if (endpoint === undefined) return [];
  const { endpointId, macAddress, address, prefixLength, ipv6 } = endpoint;
  return [
    {
      ...named,
      endpointId,
      macAddress,
      ipv4: `${address}/${prefixLength}`,
      ipv6: ipv6 === null ? '' : `${ipv6.address}/${ipv6.prefixLength}`,
    },
  ];
}

function checkName(name: string): void {
  if (BUILT_IN.some((builtIn) => builtIn === name) || name === 'default')
    throw new HullError('network-forbidden', `operation is not permitted on predefined ${name} network `);
  if (!NAME.test(name))
    throw new HullError(
      'invalid-argument',
      name.trim() === ''
        ? 'invalid name: name is empty'
        : `invalid network name ${JSON.stringify(name)}: only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
}

function driverOf(driver: string): 'bridge' | 'macvlan' {
  if (driver === '' || driver === 'bridge' || driver === 'default') return 'bridge';
  if (driver === 'macvlan') return 'macvlan';
  if (driver === 'host' || driver === 'null' || driver === 'none')
    throw new HullError(
      'network-forbidden',
      `only one instance of "${driver === 'none' ? 'null' : driver}" network is allowed`,
    );
  throw new HullError('plugin-not-found', `plugin "${driver}" not found`);
}

function checkConnectable({ config }: Instance): void {
  if (config.networkMode === 'host' || config.networkMode === 'container')
    throw new HullError(
      'invalid-argument',
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  if (config.networkMode === 'none')
    throw new HullError(
      'invalid-argument',
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
}
