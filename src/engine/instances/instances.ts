import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { cgroupFacts } from '../../host/cgroup-parse.ts';
import type { Host } from '../../host/host.ts';
import { type HostLimits, readHostLimits } from '../../host/host-limits.ts';
import type { ImageStore } from '../../images/image-store.ts';
import { HullError } from '../../model/errors.ts';
import type { ExitStatus, TerminalSize } from '../../model/instance.ts';
import type { InstanceState } from '../../model/instance-status.ts';
import type { Isolation } from '../../model/isolation.ts';
import type { Network } from '../../network/network.ts';
import type { ProcessTable, Runtime, Stdio } from '../../runtime/runtime.ts';
import type { RootStorage, VolumeStore } from '../../storage/storage.ts';
import type {
  CreateInstance,
  Footprint,
  Instances,
  InstanceStats,
  LogQuery,
  LogBatch,
  Machines,
  WaitCondition,
  StepsListener,
} from '../api.ts';
import type { EventBus } from '../events.ts';
import { endedStdio, endingWith } from '../exec-stdio.ts';
import { admitOrThrow } from './admission.ts';
import { instanceAttributes } from './attributes.ts';
import { checkPlatform } from './check-platform.ts';
import { traitsOf } from '../isolations.ts';
import { checkIsolationMemory, type HostSize } from './checks.ts';
import { configure } from './configure.ts';
import { footprintOf } from './footprint.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { LogKeeper } from './log-keeper.ts';
import { MountResolver } from './mounts.ts';
import { inventName } from './names.ts';
import type { InstanceRecord } from './record.ts';
import type { Registry } from './registry.ts';
import { settle } from './settle.ts';
import { createdRecord } from './transition.ts';
import type { Settled } from './settle-resources.ts';
import { hostCpuNanoseconds } from './host-cpu.ts';
import { MountVolumes } from '../volumes/for-mounts.ts';
import type { VolumeUses } from '../volumes/uses.ts';
import { inheritedMounts } from './volumes-from.ts';
import type { NetworkCatalog } from '../networks/catalog.ts';
import { settleNetworks } from '../networks/settle.ts';
import type { Waiters } from './waiters.ts';

const SHORT_ID = 12;

export interface InstancesParts {
  readonly host: Host;
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
  readonly waiters: Waiters;
  readonly logs: LogKeeper;
  readonly events: EventBus;
  readonly images: ImageStore;
  readonly machines: Pick<Machines, 'get'>;
  readonly volumes: VolumeStore;
  readonly uses: VolumeUses;
  readonly roots: RootStorage;
  readonly network: Network;
  readonly catalog: Pick<NetworkCatalog, 'find'>;
  readonly runtimes: Readonly<Record<Isolation, Runtime>>;
  readonly size: HostSize;
  /** Takes apart what there is of an instance whose record cannot be read; its files are set aside. */
  readonly removeRemains: (id: string) => Promise<void>;
}

/** Use cases of instances. */
export class InstanceService implements Instances {
  readonly #parts: InstancesParts;
  readonly #mounts: MountResolver;
  readonly #warned = new Set<string>();
  #limits: HostLimits | null = null;

  constructor(parts: InstancesParts) {
    this.#parts = parts;
    this.#mounts = new MountResolver(new MountVolumes(parts));
  }

  list(): readonly InstanceRecord[] {
    return this.#parts.registry.list();
  }

  get(nameOrId: string): InstanceRecord {
    return this.#parts.registry.get(nameOrId);
  }

  async create(wanted: CreateInstance): Promise<{ id: string; warnings: readonly string[] }> {
    const { registry, images, machines, events, catalog } = this.#parts;
    const asked = settleNetworks(wanted, catalog, registry);
    const { source } = asked;
    const image = source.kind === 'image' ? images.get(source.reference) : null;
    if (source.kind === 'machine') this.#checkMachine(machines.get(source.name).name, asked);
    const id = randomBytes(32).toString('hex');
    const name = asked.name ?? inventName((candidate) => registry.idOfName(candidate) !== null);
    this.#checkNameFree(name);
    const isolation = asked.isolation ?? (source.kind === 'machine' ? 'vm' : 'container');
    checkIsolationMemory(traitsOf(isolation), asked.resources?.memory);
    const { value: request, warnings: settled } = this.#settle(asked, isolation);
    const warnings = [
      ...(image === null ? [] : checkPlatform(image, referenceOf(asked), asked.platform)),
      ...settled,
      ...(await this.#checkAvailable(isolation)),
    ];
    const facts = { id, name, hostname: hostnameOf(request, id), image, now: Date.now() };
    // Checked once without mounts, so that a request that is refused makes no volume.
    configure(request, { ...facts, mounts: [] });
    const own = request.mounts ?? [];
    const inherited = inheritedMounts(
      request.volumesFrom ?? [],
      own,
      (other) => this.get(other).config.mounts,
    );
    using hold = this.#parts.uses.hold();
    const mounts = await this.#mounts.resolve([...inherited, ...own], image, hold);
    const config = configure(request, { ...facts, mounts });
    this.#checkNameFree(name);
    // It may have been removed while volumes were made.
    if (image !== null) images.get(image.id);
    if (source.kind === 'machine') machines.get(source.name);
    const record = createdRecord(config);
    registry.insert(record);
    events.publish('container', 'create', id, instanceAttributes(record));
    this.#parts.lifecycle.expectStart(record);
    return { id, warnings };
  }

  start(nameOrId: string, onSteps?: StepsListener): Promise<boolean> {
    return this.#parts.lifecycle.start(this.#id(nameOrId), onSteps);
  }

  stop(nameOrId: string, options?: { timeout?: number; signal?: string }): Promise<boolean> {
    return this.#parts.lifecycle.stop(this.#id(nameOrId), options);
  }

  restart(nameOrId: string, options?: { timeout?: number; signal?: string }): Promise<void> {
    return this.#parts.lifecycle.restart(this.#id(nameOrId), options);
  }

  async kill(nameOrId: string, signal = 'SIGKILL'): Promise<void> {
    const { id } = this.get(nameOrId).config;
    await this.#parts.lifecycle.signal(id, signal);
  }

  pause(nameOrId: string): Promise<void> {
    return this.#parts.lifecycle.pause(this.#id(nameOrId));
  }

  unpause(nameOrId: string): Promise<void> {
    return this.#parts.lifecycle.unpause(this.#id(nameOrId));
  }

  async remove(nameOrId: string, options?: { force?: boolean; volumes?: boolean }): Promise<void> {
    const { registry, removeRemains } = this.#parts;
    const damaged = options?.force === true ? registry.damagedBy(nameOrId) : null;
    if (damaged === null) return await this.#remove(nameOrId, options);
    await removeRemains(damaged.id);
    registry.delete(damaged.id);
  }

  #remove(nameOrId: string, options?: { force?: boolean; volumes?: boolean }): Promise<void> {
    return this.#parts.lifecycle.remove(this.#id(nameOrId), options);
  }

  async wait(nameOrId: string, condition: WaitCondition, signal?: AbortSignal): Promise<ExitStatus> {
    const { config, status } = this.get(nameOrId);
    const over = ['created', 'exited'].includes(status.state);
    if (condition === 'not-running' && over)
      return status.exit ?? { code: 0, oomKilled: false, finishedAt: 0 };
    return this.#parts.waiters.wait(config.id, condition === 'removed' ? 'removed' : 'exit', signal);
  }

  async attach(
    nameOrId: string,
    streams: { stdin: boolean; stdout: boolean; stderr: boolean },
  ): Promise<Stdio> {
    const record = this.get(nameOrId);
    const { config, status } = record;
    const stdin = streams.stdin && config.openStdin;
    refuseAttach(nameOrId, status.state);
    const { lifecycle, waiters } = this.#parts;
    lifecycle.event(record, 'attach');
    // What a terminal would do with it, were there one yet.
    const interrupt = (): void => {
      if (this.#parts.registry.byId(config.id)?.status.state !== 'starting') return;
      lifecycle.signal(config.id, 'SIGINT').catch(() => undefined);
    };
    const whole = lifecycle.deliveries.begin(config.id);
    const leaving = new AbortController();
    const ended = waiters.wait(config.id, 'exit', leaving.signal).catch(() => undefined);
    const left = (): void => leaving.abort();
    try {
      const stdio =
        status.state === 'running'
          ? await this.#parts.runtimes[config.isolation].attach(config.id, { stdin }).catch(endedStdio)
          : lifecycle.pending.add(config.id, { stdin }, config.process.tty ? interrupt : undefined);
      return endingWith(stdio, ended, { whole, left });
    } catch (error) {
      whole();
      left();
      throw error;
    }
  }

  async resize(nameOrId: string, size: TerminalSize): Promise<void> {
    const record = this.get(nameOrId);
    admitOrThrow('resize', record);
    const { config } = record;
    await this.#parts.runtimes[config.isolation].resize(config.id, size);
    const { rows, columns } = size;
    this.#parts.lifecycle.event(record, 'resize', { height: String(rows), width: String(columns) });
  }

  logs(nameOrId: string, query: LogQuery, signal?: AbortSignal): AsyncIterable<LogBatch> {
    const { config, status } = this.get(nameOrId);
    return this.#parts.logs.read(
      config.id,
      query,
      ['running', 'paused', 'stopping', 'restarting'].includes(status.state),
      signal,
    );
  }

  async stats(nameOrId: string): Promise<InstanceStats> {
    const record = this.get(nameOrId);
    admitOrThrow('observe', record);
    const { config, lease } = record;
    const [runtime, counters] = await Promise.all([
      this.#parts.runtimes[config.isolation].stats(config.id),
      lease === null ? [] : this.#parts.network.counters(lease),
    ]);
    return {
      runtime,
      networks: counters,
      onlineCpus: this.#parts.size.cpus,
      systemCpuNanoseconds: hostCpuNanoseconds(),
    };
  }

  async top(nameOrId: string, psArgs: readonly string[]): Promise<ProcessTable> {
    const record = this.get(nameOrId);
    admitOrThrow('observe', record);
    const { config } = record;
    const table = await this.#parts.runtimes[config.isolation].processes(config.id, psArgs);
    this.#parts.lifecycle.event(record, 'top');
    return table;
  }

  async sizes(nameOrId: string, signal?: AbortSignal): Promise<{ writable: number; root: number }> {
    const { config } = this.get(nameOrId);
    const { writable } = await this.#parts.roots.usage(config.id, signal);
    const image = config.source.kind === 'image' ? this.#parts.images.find(config.source.imageId) : null;
    const shared = (image?.layers ?? []).reduce((sum, layer) => sum + layer.unpackedSize, 0);
    return { writable, root: shared + writable };
  }

  async footprint(nameOrId: string): Promise<Footprint> {
    const record = this.get(nameOrId);
    admitOrThrow('observe', record);
    const { config } = record;
    return footprintOf(
      this.#parts.host,
      await this.#parts.runtimes[config.isolation].hostProcesses(config.id),
    );
  }

  /** Before anything is made: what cannot be is refused, what is left out is told. */
  #settle(request: CreateInstance, isolation: Isolation): Settled<CreateInstance> {
    const { host, registry } = this.#parts;
    this.#limits ??= readHostLimits(cgroupFacts(host.mounts.list()));
    const idOf = (nameOrId: string): string | null => {
      const id = registry.idOfName(nameOrId);
      return id ?? registry.list().find(({ config }) => config.id.startsWith(nameOrId))?.config.id ?? null;
    };
    return settle(request, { isolation, host: this.#limits, idOf });
  }

  #id(nameOrId: string): string {
    return this.get(nameOrId).config.id;
  }

  #checkNameFree(name: string): void {
    const other = this.#parts.registry.idOfName(name);
    if (other === null) return;
    throw new HullError(
      'name-in-use',
      `Conflict. The container name "/${name}" is already in use by container "${other}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
  }

  #checkMachine(name: string, request: CreateInstance): void {
    if (request.isolation === undefined || traitsOf(request.isolation).bootsMachines) return;
    throw new HullError(
      'invalid-argument',
      `the machine ${name} is a whole operating system and runs as a VM only, not as a ${request.isolation}`,
    );
  }

  async #checkAvailable(isolation: Isolation): Promise<readonly string[]> {
    const availability = await this.#parts.runtimes[isolation].probe();
    if (availability.available) {
      // Said once: it is the same for every instance, and `hull info` has it.
      const news = availability.warnings.filter((warning) => !this.#warned.has(warning));
      for (const warning of news) this.#warned.add(warning);
      return news;
    }
    throw new HullError(
      'isolation-unavailable',
      `this host cannot run isolation '${isolation}': ${availability.reason}`,
    );
  }
}

/** In Docker's words. */
function refuseAttach(nameOrId: string, state: InstanceState): void {
  if (state !== 'paused' && state !== 'restarting') return;
  const advice = state === 'paused' ? 'unpause the container' : 'wait until the container is running';
  throw new HullError('wrong-state', `container ${nameOrId} is ${state}, ${advice} before attach`);
}

function hostnameOf(request: CreateInstance, id: string): string {
  if (request.hostname !== undefined && request.hostname !== '') return request.hostname;
  return request.networkMode === 'host' ? hostname() : id.slice(0, SHORT_ID);
}

function referenceOf({ source }: CreateInstance): string {
  return source.kind === 'image' ? source.reference : source.name;
}
