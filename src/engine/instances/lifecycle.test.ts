import { describe, expect, test } from 'bun:test';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { InstanceConfig } from '../../model/instance.ts';
import { startedAtOf, type InstanceState } from '../../model/instance-status.ts';
import type { FakeProgram } from '../../runtime/fake-programs.ts';
import { FakeRuntime } from '../../runtime/fake.ts';
import type { Bundle, Started } from '../../runtime/runtime.ts';
import { openDatabase } from '../../state/database.ts';
import { EventBus } from '../events.ts';
import { Lifecycle, type LifecycleParts } from './lifecycle.ts';
import { Registry } from './registry.ts';
import { createdRecord } from './transition.ts';
import { Waiters } from './waiters.ts';

const ID = 'a'.repeat(64);
const FOLDER = mkdtempSync(`${tmpdir()}/lifecycle-`);
const ALWAYS = { name: 'always', maximumRetryCount: 0 } as const;

/** Says something a moment after its start. */
const later: FakeProgram = async ({ print }) => {
  await Bun.sleep(20);
  await print('later');
  return 0;
};

/** Starts take as long as a test wants. */
class SlowRuntime extends FakeRuntime {
  /** Called when the workload runs, before the start's answer. */
  begun: () => Promise<void> = () => Promise.resolve();
  /** A signal that never gets through. */
  refused = 0;

  override signal(id: string, signal: number): Promise<void> {
    return signal === this.refused ? new Promise(() => undefined) : super.signal(id, signal);
  }

  override async start(id: string): Promise<Started> {
    const started = await super.start(id);
    await this.begun();
    return started;
  }
}

/** A lifecycle over a runtime in memory; nothing else of the engine does anything. */
class Bench {
  readonly registry = new Registry(openDatabase(':memory:'));
  readonly runtime = new SlowRuntime({ programs: { later } });
  readonly waiters = new Waiters();
  readonly lifecycle: Lifecycle;

  constructor(config: Partial<InstanceConfig> = {}) {
    const { registry, runtime, waiters } = this;
    const nothing = (): void => undefined;
    this.lifecycle = new Lifecycle({
      ...{ registry, waiters, events: new EventBus(), bootId: 'boot', debug: nothing },
      runs: {
        onFact: () => undefined,
        runtimeOf: () => runtime,
        prepare: (asked: InstanceConfig) => Promise.resolve(bundleOf(asked)),
        dismantle: (asked: InstanceConfig, _lease: unknown, taken?: () => void) =>
          runtime.delete(asked.id).then(() => taken?.()),
        disconnected: nothing,
        discard: () => Promise.resolve(),
      },
      host: { files: { removeTree: () => Promise.resolve() } },
      identity: { dataDir: FOLDER, runDir: FOLDER, tag: '0000' },
      logs: { watch: nothing, forget: nothing },
      health: { onUnhealthy: nothing, watch: nothing, forget: nothing, stop: nothing },
      volumes: {},
      log: nothing,
    } as unknown as LifecycleParts);
    registry.insert(createdRecord({ ...CONFIG, ...config }));
  }

  get state(): InstanceState | null {
    return this.registry.byId(ID)?.status.state ?? null;
  }

  async until(state: InstanceState): Promise<void> {
    for (let count = 0; count < 400 && this.state !== state; count += 1) await Bun.sleep(5);
    expect(this.state).toBe(state);
  }

  /** Nobody changes the instance until this is called. */
  async hold(): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { promise: held, resolve: holds } = Promise.withResolvers<void>();
    void this.lifecycle.exclusively(ID, () => {
      holds();
      return promise;
    });
    await held;
    return resolve;
  }
}

const CONFIG = {
  ...{ id: ID, name: 'one', isolation: 'container', createdAt: 0, labels: {}, command: [] },
  ...{ source: { kind: 'image', imageId: '', reference: '' }, mounts: [], networks: [], ports: [] },
  ...{ networkMode: 'none', autoRemove: false, openStdin: false, stopSignal: 'SIGTERM', stopTimeout: 10 },
  process: { args: ['stubborn'], env: [], cwd: '/', user: '', tty: false },
} as unknown as InstanceConfig;

function bundleOf(config: InstanceConfig): Bundle {
  const { id, name, process, openStdin } = config;
  const log = { path: `${FOLDER}/log`, hardLimit: 0 };
  return { id, name, process, openStdin, log, resources: {}, hostname: '' } as unknown as Bundle;
}

const failing = { ...CONFIG.process, args: ['false'] };

describe('what a policy wants, and what somebody wants meanwhile', () => {
  test('a stop that came before the restart had its turn stands', async () => {
    const bench = new Bench({ process: failing, restartPolicy: ALWAYS });
    await bench.lifecycle.start(ID);
    await bench.until('restarting');
    const release = await bench.hold();
    const stopped = bench.lifecycle.stop(ID);
    await Bun.sleep(150);
    release();
    expect(await stopped).toBe(true);
    await Bun.sleep(20);
    expect(bench.state).toBe('exited');
    expect(bench.registry.get(ID).status.restartCount).toBe(1);
    bench.lifecycle.close();
  });

  test('nothing starts any more when the engine has stopped everything', async () => {
    const bench = new Bench({ restartPolicy: ALWAYS });
    await bench.lifecycle.start(ID);
    const release = await bench.hold();
    await bench.runtime.signal(ID, 9);
    await Bun.sleep(20);
    const over = bench.lifecycle.stopAll();
    release();
    await over;
    expect(bench.state).toBe('restarting');
    await Bun.sleep(150);
    expect(bench.registry.get(ID).status.restartCount).toBe(1);
    await bench.lifecycle.startByPolicy([ID]);
    expect(bench.state).toBe('restarting');
  });
});

describe('several who want an end', () => {
  test('a kill that came after a restart had got its turn is not lost', async () => {
    const bench = new Bench({ restartPolicy: ALWAYS });
    await bench.lifecycle.start(ID);
    await bench.runtime.signal(ID, 9);
    await bench.until('restarting');
    const release = await bench.hold();
    await Bun.sleep(150);
    const killed = bench.lifecycle.signal(ID, 'SIGKILL');
    release();
    await killed;
    await bench.until('exited');
    bench.lifecycle.close();
  });

  test('who removes by force does not wait for a patient stop', async () => {
    const bench = new Bench();
    await bench.lifecycle.start(ID);
    const stopped = bench.lifecycle.stop(ID, { timeout: -1 });
    await bench.until('stopping');
    await bench.lifecycle.remove(ID, { force: true });
    expect(bench.state).toBeNull();
    expect(await stopped).toBe(true);
  });

  test('of two stops, the less patient one counts', async () => {
    const bench = new Bench();
    await bench.lifecycle.start(ID);
    const stops = [bench.lifecycle.stop(ID, { timeout: 600 })];
    await bench.until('stopping');
    stops.push(bench.lifecycle.stop(ID, { timeout: -1 }), bench.lifecycle.stop(ID, { timeout: 0.05 }));
    expect(await Promise.all(stops)).toEqual([true, false, false]);
    expect(bench.registry.get(ID).status.exit?.code).toBe(137);
  });

  test('what a commit holds at the moment ends as it wants to, all the same', async () => {
    const bench = new Bench({ process: { ...CONFIG.process, args: ['sleep', '60'] }, stopTimeout: 2 });
    for (const end of [() => bench.lifecycle.stop(ID), () => bench.lifecycle.signal(ID, 'SIGTERM')]) {
      await bench.lifecycle.start(ID);
      await bench.runtime.pause(ID);
      await end();
      await bench.until('exited');
      expect(bench.registry.get(ID).status.exit?.code).toBe(143);
    }
  });

  test('a workload that cannot be reached gets no more time than others', async () => {
    const bench = new Bench();
    bench.runtime.refused = 15;
    await bench.lifecycle.start(ID);
    expect(await bench.lifecycle.stop(ID, { timeout: 0.05 })).toBe(true);
    expect(bench.registry.get(ID).status.exit?.code).toBe(137);
  });
});

describe('while the workload is being started', () => {
  test('who attaches then sees what comes', async () => {
    const bench = new Bench({ process: { ...CONFIG.process, args: ['later'] } });
    const read: Promise<unknown>[] = [];
    bench.runtime.begun = async () => {
      read.push(Array.fromAsync(bench.lifecycle.pending.add(ID, { stdin: false }).output));
    };
    await bench.lifecycle.start(ID);
    expect(await Promise.all(read)).toEqual([[{ stream: 'stdout', data: Buffer.from('later') }]]);
    await bench.until('exited');
  });

  test('a kill then fails the start, and leaves nothing that is said to run', async () => {
    const bench = new Bench();
    const seen: unknown[] = [];
    const kill = async (): Promise<void> => {
      await bench.lifecycle.signal(ID, 'SIGKILL');
      seen.push(bench.registry.get(ID).status);
    };
    let killed = Promise.resolve();
    bench.runtime.begun = async () => {
      killed = kill();
      await Bun.sleep(20);
    };
    const failure = await bench.lifecycle.start(ID).catch(String);
    expect(failure).toContain('was killed while it was being started');
    await killed;
    // Who has killed it finds the end on record at once.
    expect(seen).toMatchObject([{ state: 'created', exit: { code: 137 } }]);
  });
});

describe('signals that come while the workload is being started', () => {
  test('and would end a program end the start; others reach the workload', async () => {
    const ended = new Bench();
    ended.runtime.begun = async () => void ended.lifecycle.signal(ID, 'SIGINT');
    expect(await ended.lifecycle.start(ID).catch(String)).toContain(
      'ended by signal 2 while it was being started',
    );
    expect(ended.registry.get(ID).status.exit?.code).toBe(130);
    const bench = new Bench();
    const sent: Promise<void>[] = [];
    const heard: number[] = [];
    const deliver = bench.runtime.signal.bind(bench.runtime);
    bench.runtime.signal = async (id, number) => {
      heard.push(number);
      await deliver(id, number);
    };
    bench.runtime.begun = async () => void sent.push(bench.lifecycle.signal(ID, 'SIGUSR1'));
    await bench.lifecycle.start(ID);
    await Promise.all(sent);
    expect([bench.state, heard]).toEqual(['running', [10]]);
    await bench.lifecycle.stop(ID, { timeout: 0 });
  });
});

describe('ends that the daemon’s own end cuts short', () => {
  test('while the engine stops everything, it is on record already what comes back', async () => {
    const bench = new Bench({ restartPolicy: { name: 'unless-stopped', maximumRetryCount: 0 } });
    await bench.lifecycle.start(ID);
    const over = bench.lifecycle.stopAll();
    await bench.until('stopping');
    expect(bench.registry.get(ID).comesBack).toBe(true);
    await bench.runtime.signal(ID, 9);
    await over;
    expect(bench.registry.get(ID)).toMatchObject({ comesBack: true, status: { state: 'exited' } });
  });

  test('a restart goes on, whether the run has ended meanwhile or not', async () => {
    for (const ended of [true, false]) {
      const bench = new Bench({ autoRemove: true, stopTimeout: 0 });
      await bench.lifecycle.start(ID);
      const startedAt = startedAtOf(bench.registry.get(ID).status);
      bench.registry.apply(ID, { type: 'stopping', comesBack: true });
      bench.registry.apply(ID, { type: 'adopted', pid: 0, pidStartTime: 0, paused: false });
      if (ended) await bench.runtime.signal(ID, 9);
      await Bun.sleep(10);
      await bench.lifecycle.restartAll([ID]);
      const { status, comesBack } = bench.registry.get(ID);
      expect([status.state, comesBack, startedAtOf(status) === startedAt]).toEqual(['running', false, false]);
    }
  });
});
