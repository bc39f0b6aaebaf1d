import { batchOf } from '../../lib/log-batch.ts';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  CreateInstance,
  EngineEvent,
  Footprint,
  Images,
  Instances,
  InstanceStats,
  LogQuery,
  LogBatch,
  WaitCondition,
} from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import type { ExitStatus, Instance, TerminalSize } from '../../model/instance.ts';
import { type InstanceStatus, pidOf, startedAtOf } from '../../model/instance-status.ts';
import { FakeRuntime } from '../../runtime/fake.ts';
import { parseLogLine } from '../../runtime/log-line.ts';
import type { Bundle, ProcessTable, Stdio } from '../../runtime/runtime.ts';
import { fakeConfig } from './fake-config.ts';

const NOT_STARTED: InstanceStatus = {
  state: 'created',
  exit: null,
  error: '',
  restartCount: 0,
  health: null,
};

interface Entry {
  instance: Instance;
  readonly removed: PromiseWithResolvers<void>;
}

/** Instances in memory over the in-memory runtime: as much of the engine's behaviour as HTTP can see. */
export class FakeInstances implements Instances {
  readonly #entries = new Map<string, Entry>();
  readonly #images: Images;
  readonly #runtime: FakeRuntime;
  readonly #folder: string;
  readonly #emit: (event: EngineEvent) => void;

  /** `folder`: for logs. */
  constructor(images: Images, runtime: FakeRuntime, folder: string, emit: (event: EngineEvent) => void) {
    this.#images = images;
    this.#runtime = runtime;
    this.#folder = folder;
    this.#emit = emit;
  }

  list(): readonly Instance[] {
    return [...this.#entries.values()].map(({ instance }) => instance);
  }

  get(nameOrId: string): Instance {
    return this.#entry(nameOrId).instance;
  }

  async create(request: CreateInstance): Promise<{ id: string; warnings: readonly string[] }> {
    const id = randomBytes(32).toString('hex');
    const image = request.source.kind === 'image' ? this.#images.get(request.source.reference) : null;
    const config = fakeConfig(id, request, image);
    if (this.list().some((other) => other.config.name === config.name)) {
      throw new HullError('name-in-use', `Conflict. The container name "/${config.name}" is already in use`);
    }
    this.#entries.set(id, { instance: { config, status: NOT_STARTED }, removed: Promise.withResolvers() });
    await this.#runtime.create(this.#bundle(id));
    this.#event(id, 'create');
    return { id, warnings: [] };
  }

  async start(nameOrId: string): Promise<boolean> {
    const { config, status } = this.get(nameOrId);
    if (status.state === 'running') return false;
    if (status.state === 'exited') {
      await this.#runtime.delete(config.id);
      await this.#runtime.create(this.#bundle(config.id));
    }
    const { pid, startedAt } = await this.#runtime.start(config.id);
    const ports = config.ports.map((port, index) => ({
      ...port,
      hostIp: port.hostIp === '' ? '0.0.0.0' : port.hostIp,
      hostPort: port.hostPort || 40_000 + index,
    }));
    const endpoint = {
      network: 'bridge',
      networkId: 'b'.repeat(64),
      endpointId: 'e'.repeat(64),
      link: 'eth0',
      address: '10.9.0.2',
      prefixLength: 16,
      gateway: '10.9.0.1',
      macAddress: '02:42:0a:09:00:02',
      ipv6: null,
      aliases: [],
      names: [config.name],
    };
    const { exit, restartCount, health } = status;
    const alive = { exit, restartCount, health, pid, startedAt, error: '', endpoints: [endpoint], ports };
    this.#update(config.id, { ...alive, state: 'running' });
    this.#event(config.id, 'start');
    void this.#runtime.wait(config.id).then((exit) => this.#ended(config.id, exit));
    return true;
  }

  async stop(nameOrId: string): Promise<boolean> {
    const { config, status } = this.get(nameOrId);
    if (status.state !== 'running') return false;
    await this.#runtime.signal(config.id, 15);
    await this.wait(config.id, 'not-running');
    return true;
  }

  async restart(nameOrId: string): Promise<void> {
    await this.stop(nameOrId);
    await this.start(nameOrId);
  }

  async kill(nameOrId: string, signal = 'KILL'): Promise<void> {
    const { config, status } = this.get(nameOrId);
    if (status.state !== 'running') {
      throw new HullError(
        'wrong-state',
        `Cannot kill container: ${nameOrId}: Container ${config.id} is not running`,
      );
    }
    await this.#runtime.signal(config.id, signal.endsWith('KILL') ? 9 : 15);
  }

  async pause(nameOrId: string): Promise<void> {
    await this.#runtime.pause(this.get(nameOrId).config.id);
    this.#hold(this.get(nameOrId), 'paused');
  }

  async unpause(nameOrId: string): Promise<void> {
    await this.#runtime.resume(this.get(nameOrId).config.id);
    this.#hold(this.get(nameOrId), 'running');
  }

  async remove(nameOrId: string, options: { force?: boolean } = {}): Promise<void> {
    const { config, status } = this.get(nameOrId);
    if (status.state === 'running' && options.force !== true) {
      throw new HullError('wrong-state', `cannot remove container "/${config.name}": container is running`);
    }
    await this.#runtime.delete(config.id);
    this.#event(config.id, 'destroy');
    const entry = this.#entry(config.id);
    this.#entries.delete(config.id);
    entry.removed.resolve();
  }

  async wait(nameOrId: string, condition: WaitCondition, signal?: AbortSignal): Promise<ExitStatus> {
    const { instance, removed } = this.#entry(nameOrId);
    const { id } = instance.config;
    if (condition === 'not-running' && instance.status.state === 'created') {
      return { code: 0, oomKilled: false, finishedAt: 0 };
    }
    const aborted = Promise.withResolvers<never>();
    signal?.addEventListener('abort', () => aborted.reject(new HullError('internal', 'the client has gone')));
    const exit = await Promise.race([this.#runtime.wait(id), aborted.promise]);
    if (condition === 'removed') await Promise.race([removed.promise, aborted.promise]);
    return exit;
  }

  attach(nameOrId: string): Promise<Stdio> {
    return this.#runtime.attach(this.get(nameOrId).config.id);
  }

  resize(nameOrId: string, size: TerminalSize): Promise<void> {
    return this.#runtime.resize(this.get(nameOrId).config.id, size);
  }

  async *logs(nameOrId: string, query: LogQuery, signal?: AbortSignal): AsyncIterable<LogBatch> {
    const { config, status } = this.get(nameOrId);
    const text = readFileSync(this.#logPath(config.id), { encoding: 'latin1', flag: 'a+' });
    const lines = text.split('\n').flatMap((line) => parseLogLine(Buffer.from(line, 'latin1')) ?? []);
    const wanted = lines.filter((line) => query[line.stream]);
    yield batchOf(
      query.tail === null ? wanted : wanted.slice(wanted.length - Math.min(query.tail, wanted.length)),
    );
    if (!query.follow || status.state !== 'running') return;
    const stdio = await this.#runtime.attach(config.id);
    signal?.addEventListener('abort', () => stdio.detach());
    for await (const chunk of stdio.output) yield batchOf([{ ...chunk, time: new Date().toISOString() }]);
  }

  async stats(nameOrId: string): Promise<InstanceStats> {
    const runtime = await this.#runtime.stats(this.get(nameOrId).config.id);
    const counters = {
      rxBytes: 1000,
      rxPackets: 10,
      rxErrors: 0,
      rxDropped: 0,
      txBytes: 2000,
      txPackets: 20,
      txErrors: 0,
      txDropped: 0,
    };
    const systemCpuNanoseconds = Math.round(performance.now() * 2e6);
    return { runtime, networks: [{ name: 'eth0', counters }], onlineCpus: 2, systemCpuNanoseconds };
  }

  top(nameOrId: string): Promise<ProcessTable> {
    return this.#runtime.processes(this.get(nameOrId).config.id);
  }

  async sizes(): Promise<{ writable: number; root: number }> {
    return { writable: 12, root: 4096 };
  }

  async footprint(nameOrId: string): Promise<Footprint> {
    const pid = pidOf(this.get(nameOrId).status);
    return { workload: [{ pid, pss: 1, rss: 2, command: 'fake' }], helpers: [] };
  }

  async #ended(id: string, exit: ExitStatus): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    const { restartCount, health } = entry.instance.status;
    const startedAt = startedAtOf(entry.instance.status);
    const over = { exit, restartCount, health, startedAt, error: '', endpoints: [], ports: [] };
    this.#update(id, { ...over, state: 'exited' });
    this.#event(id, 'die');
    if (entry.instance.config.autoRemove) await this.remove(id);
  }

  #hold({ config, status }: Instance, state: 'running' | 'paused'): void {
    if (status.state === 'running' || status.state === 'paused')
      this.#update(config.id, { ...status, state });
  }

  #update(id: string, status: InstanceStatus): void {
    const entry = this.#entry(id);
    entry.instance = { ...entry.instance, status };
  }

  #event(id: string, action: string): void {
    const { config } = this.get(id);
    const image = config.source.kind === 'image' ? config.source.reference : config.source.disk;
    const attributes = { ...config.labels, name: config.name, image };
    const timeNano = BigInt(Date.now()) * 1_000_000n;
    this.#emit({ type: 'container', action, actor: { id, attributes }, timeNano });
  }

  #entry(nameOrId: string): Entry {
    for (const entry of this.#entries.values()) {
      const { id, name } = entry.instance.config;
      if (name === nameOrId.replace(/^\//, '') || (nameOrId !== '' && id.startsWith(nameOrId))) return entry;
    }
    throw new HullError('instance-not-found', `No such container: ${nameOrId}`);
  }

  #logPath(id: string): string {
    return join(this.#folder, `${id}.log`);
  }

  #bundle(id: string): Bundle {
    const { config } = this.get(id);
    return {
      ...config,
      // A terminal's input stays open when its client goes.
      stdinOnce: config.stdinOnce && !config.process.tty,
      root: { kind: 'mounts', path: '/' },
      files: { hosts: '', hostname: '', resolvConf: '' },
      network: { mode: 'host' },
      runDir: this.#folder,
      log: { path: this.#logPath(id), hardLimit: 1_000_000 },
    };
  }
}
