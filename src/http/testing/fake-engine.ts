import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  DiskUsage,
  EngineApi,
  EngineEvent,
  EngineInfo,
  EventQuery,
  Events,
  ExecRequest,
  Execs,
  ExecState,
  HostFacts,
  Machines,
  System,
} from '../../engine/api.ts';
import { millisecondsOf } from '../../lib/timestamp.ts';
import { HullError } from '../../model/errors.ts';
import { FakeRuntime, type FakeWorld } from '../../runtime/fake.ts';
import type { FakeProgram } from '../../runtime/fake-programs.ts';
import type { ExecSession, Stdio } from '../../runtime/runtime.ts';
import type { MachineDisk } from '../../model/machine.ts';
import { FakeComparison } from './fake-comparison.ts';
import { FakeFiles } from './fake-files.ts';
import { FakeImages } from './fake-images.ts';
import { FakeArchives, FakeTransfers } from './fake-transfers.ts';
import { FakeGc } from './fake-gc.ts';
import { FakeChanges } from './fake-changes.ts';
import { FakeInstances } from './fake-instances.ts';
import { FakeNetworks } from './fake-networks.ts';
import { FakeVolumes } from './fake-volumes.ts';

export interface FakeEngine extends EngineApi, Disposable {
  readonly world: FakeWorld;
  /** Bytes that the program `flood` has managed to print: shows that slow readers slow the workload. */
  readonly flooded: () => number;
}

/** An engine in memory, for tests of HTTP. Dispose it to delete its folder of logs. */
export function createFakeEngine(): FakeEngine {
  const folder = mkdtempSync(join(tmpdir(), 'fake-engine-'));
  const events = new FakeEvents();
  const images = new FakeImages();
  let flooded = 0;
  const flood: FakeProgram = async ({ print }) => {
    const piece = new Uint8Array(65_536).fill(0x61);
    for (let count = 0; count < 512; count++) {
      await print(piece);
      flooded += piece.byteLength;
    }
    return 0;
  };
  const runtime = new FakeRuntime({ programs: { flood } });
  const instances = new FakeInstances(images, runtime, folder, (event) => events.emit(event));
  return {
    identity: { tag: 'fa4e', dataDir: folder, runDir: folder },
    instances,
    changes: new FakeChanges(instances),
    gc: new FakeGc(),
    execs: new FakeExecs(instances, runtime),
    files: new FakeFiles(instances, images),
    images,
    transfers: new FakeTransfers(images),
    archives: new FakeArchives(images),
    volumes: new FakeVolumes(),
    networks: new FakeNetworks(instances, { tag: 'fa4e', dataDir: folder, runDir: folder }),
    machines: new FakeMachines(),
    events,
    system: new FakeSystem(),
    comparison: new FakeComparison(),
    world: runtime.world,
    flooded: () => flooded,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

class FakeEvents implements Events {
  readonly #past: EngineEvent[] = [];
  #wake = Promise.withResolvers<void>();

  emit(event: EngineEvent): void {
    this.#past.push(event);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  async *subscribe(query: EventQuery, signal?: AbortSignal): AsyncIterable<EngineEvent> {
    let next = query.since === null ? this.#past.length : 0;
    const aborted = new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
    while (signal?.aborted !== true) {
      const wake = this.#wake.promise;
      while (next < this.#past.length) {
        const event = this.#past[next++];
        if (event !== undefined) yield event;
      }
      if (query.until !== null && millisecondsOf(query.until) <= Date.now()) return;
      await Promise.race([wake, aborted]);
    }
  }
}

class FakeExecs implements Execs {
  readonly #states = new Map<string, { state: ExecState; session: ExecSession | null }>();
  readonly #instances: FakeInstances;
  readonly #runtime: FakeRuntime;

  constructor(instances: FakeInstances, runtime: FakeRuntime) {
    this.#instances = instances;
    this.#runtime = runtime;
  }

  async create(nameOrId: string, request: ExecRequest): Promise<string> {
    const { config } = this.#instances.get(nameOrId);
    const id = randomBytes(32).toString('hex');
    const process = { ...config.process, args: request.args, tty: request.tty };
    const state = { id, instanceId: config.id, process, request, running: false, exitCode: null, pid: 0 };
    this.#states.set(id, { state, session: null });
    return id;
  }

  admitStart(execId: string): void {
    this.#entry(execId);
  }

  async start(execId: string, options: { detach: boolean }): Promise<Stdio | null> {
    const { state } = this.#entry(execId);
    const { process, request } = state;
    const spec = { process, openStdin: request.attach.stdin, privileged: false };
    const session = await this.#runtime.exec(state.instanceId, spec);
    this.#states.set(execId, { state: { ...state, running: true }, session });
    void session.exited.then((exitCode) => {
      this.#states.set(execId, { state: { ...state, running: false, exitCode }, session });
    });
    return options.detach ? null : session.stdio;
  }

  inspect(execId: string): ExecState {
    return this.#entry(execId).state;
  }

  idsOf(instanceId: string): readonly string[] {
    return [...this.#states.values()]
      .filter(({ state }) => state.instanceId === instanceId && state.exitCode === null)
      .map(({ state }) => state.id);
  }

  async resize(execId: string, size: { rows: number; columns: number }): Promise<void> {
    await this.#entry(execId).session?.resize(size);
  }

  #entry(execId: string): { state: ExecState; session: ExecSession | null } {
    const entry = this.#states.get(execId);
    if (entry === undefined) throw new HullError('exec-not-found', `No such exec instance: ${execId}`);
    return entry;
  }
}

class FakeMachines implements Machines {
  readonly #disks = new Map<string, MachineDisk>();

  list(): readonly MachineDisk[] {
    return [...this.#disks.values()];
  }

  get(name: string): MachineDisk {
    const disk = this.#disks.get(name);
    if (disk === undefined) throw new HullError('machine-not-found', `No such machine: ${name}`);
    return disk;
  }

  async create(request: { name: string; size?: number }): Promise<MachineDisk> {
    const disk: MachineDisk = {
      name: request.name,
      disk: `/machines/${request.name}`,
      kernel: '/k',
      initrd: '/i',
      cmdline: '',
      virtualSize: request.size ?? 1,
      storedSize: 1,
      createdAt: 0,
      description: 'fake',
    };
    this.#disks.set(request.name, disk);
    return disk;
  }

  async remove(name: string): Promise<void> {
    this.#disks.delete(this.get(name).name);
  }
}

class FakeSystem implements System {
  async info(): Promise<EngineInfo> {
    const available = { available: true, detail: 'crun 1.0', warnings: [] } as const;
    return {
      id: 'fake-id',
      name: 'fake-host',
      cpus: 2,
      memory: 8_000_000_000,
      kernel: '6.1.0',
      operatingSystem: 'Debian GNU/Linux 12',
      cgroupVersion: '2',
      cgroupLayout: 'v2',
      isolations: { container: available, sandbox: { available: false, reason: 'no runsc' }, vm: available },
      warnings: ['a warning'],
      network: { name: 'bridge', subnet: '10.9.0.0/16', gateway: '10.9.0.1', bridge: 'hull-fa4e' },
    };
  }

  host(): HostFacts {
    const features = {
      ...{
        memoryLimit: true,
        swapLimit: true,
        cpuQuota: true,
        cpuShares: true,
        cpuset: true,
        pidsLimit: true,
      },
      ...{ oomKillDisable: false, seccomp: true, ipv4Forwarding: true, backingFilesystem: 'extfs' },
    };
    const load = { files: 9, threads: 4 };
    return {
      engineId: 'fake-engine-id',
      kernel: '6.1.0',
      features,
      operatingSystemVersion: '12',
      listeners: 1,
      load,
    };
  }

  async programs(): Promise<readonly []> {
    return [];
  }

  async diskUsage(): Promise<DiskUsage> {
    return { layers: 0, instances: new Map(), volumes: [], buildCache: [] };
  }

  version(): { version: string; commit: string; builtWith: string } {
    return { version: '0.1.0', commit: 'abc', builtWith: 'bun' };
  }

  async check(): Promise<readonly []> {
    return [];
  }

  async shutdown(): Promise<void> {}
}
