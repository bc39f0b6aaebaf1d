import { describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHost } from '../../host/index.ts';
import { ignoreMatcher } from '../../lib/dockerignore.ts';
import { KeyedLock } from '../../lib/keyed-lock.ts';
import type { Digest, LayerInfo } from '../../model/image.ts';
import { planBuild } from '../graph/plan.ts';
import { parseBlueprint } from '../parser/parse.ts';
import type { LayerClaims } from '../../storage/layer-store.ts';
import type { RunStep } from '../step-runner.ts';
import { imageNamed, layerNamed } from '../testing/image.ts';
import type { BuildEvent } from '../types.ts';
import type { CacheRecord } from '../cache.ts';
import { carryOut } from './carry-out.ts';
import { Slots } from '../../lib/slots.ts';
import { Solver } from './solver.ts';
import { StepAnnouncer } from './step-announcer.ts';

/** A bench over layers that are names: a run's layer is named by its command and what it stands on. */
class Bench {
  readonly records = new Map<Digest, CacheRecord>();
  readonly layers = new Map<Digest, LayerInfo>();
  readonly events: BuildEvent[] = [];
  readonly ran: string[] = [];
  running = 0;
  mostRunning = 0;
  statuses: Record<string, number> = {};
  /** What a command's layer is named, where it is not the command. */
  results: Record<string, string> = {};
  noCache = false;
  readonly held: Digest[] = [];
  readonly abort = new AbortController();

  async build(text: string): Promise<readonly string[]> {
    const platform = { os: 'linux', architecture: 'amd64' };
    const plan = planBuild(parseBlueprint(text), { args: {}, labels: {}, platform }, (name) =>
      imageNamed(name),
    );
    const root = mkdtempSync(join(tmpdir(), 'hull-solver-'));
    try {
      const steps = new StepAnnouncer(plan, (event) => void this.events.push(event));
      const solver = this.#solver(root, steps);
      const { layers } = await carryOut(plan, solver, steps, this.abort);
      return layers.map((layer) => layer.diffId);
    } finally {
      rmSync(root, { recursive: true });
    }
  }

  #solver(root: string, steps: StepAnnouncer): Solver {
    let made = '';
    const deps = {
      layers: { find: (diffId: Digest) => this.layers.get(diffId) ?? null },
      cache: {
        find: (key: Digest) => this.records.get(key) ?? null,
        save: (key: Digest, record: CacheRecord) => void this.records.set(key, record),
      },
      locks: new KeyedLock(),
      slots: new Slots(2),
      now: () => 1_700_000_000_000,
    };
    const storage = {
      withWritableLayers: async <T>(
        parent: readonly LayerInfo[],
        use: (root: { path: string; upper: string }) => Promise<T>,
        claims?: LayerClaims,
      ) => {
        const result = await use({ path: root, upper: root });
        const layer = layerNamed(`${parent.at(-1)?.diffId}+${made}`);
        this.layers.set(layer.diffId, layer);
        claims?.claim(layer.diffId);
        return { result, layer };
      },
      withReadOnlyLayers: <T>(_: readonly LayerInfo[], use: (path: string) => Promise<T>) => use(root),
    };
    const run = async (step: RunStep, _: unknown, signal: AbortSignal): Promise<number> => {
      const command = step.args.at(-1) ?? '';
      this.ran.push(command);
      this.running += 1;
      this.mostRunning = Math.max(this.mostRunning, this.running);
      try {
        await sleep(command.startsWith('slow') ? 2000 : 10, undefined, { signal });
      } finally {
        this.running -= 1;
      }
      made = this.results[command] ?? command;
      return this.statuses[command] ?? 0;
    };
    const tools = {
      host: createHost(),
      storage,
      trees: { extract: () => Promise.reject(new Error('not used')) },
      readAttributes: () => new Map<string, Uint8Array>(),
      runner: { run },
      context: { root, ignored: ignoreMatcher([]) },
      settings: {},
      emit: (event: BuildEvent) => void this.events.push(event),
    };
    return new Solver(deps, tools, {
      noCache: this.noCache,
      signal: this.abort.signal,
      claims: { claim: (diffId) => void this.held.push(diffId) },
      onBegin: (node) => steps.begins(node),
    });
  }

  cached(): number {
    return this.events.filter((event) => event.type === 'cached').length;
  }
}

describe('the cache', () => {
  test('what was done once is not done again; --no-cache does it', async () => {
    const bench = new Bench();
    const first = await bench.build('FROM base\nRUN a\nRUN b');
    expect(await bench.build('FROM base\nRUN a\nRUN b')).toEqual([...first]);
    expect(bench.ran).toEqual(['a', 'b']);
    expect(bench.cached()).toBe(2);
    bench.noCache = true;
    await bench.build('FROM base\nRUN a\nRUN b');
    expect(bench.ran).toEqual(['a', 'b', 'a', 'b']);
  });

  test('what is found and what is made is held', async () => {
    const bench = new Bench();
    const made = await bench.build('FROM base\nRUN a');
    expect(bench.held).toEqual([...made.slice(1)] as Digest[]);
    const found = await bench.build('FROM base\nRUN a');
    expect(bench.held).toEqual([...made.slice(1), ...found.slice(1)] as Digest[]);
  });

  test.each([
    ['the environment', 'FROM base\nENV X=1\nRUN a'],
    ['an argument', 'FROM base\nARG X=1\nRUN a'],
    ['the user', 'FROM base\nUSER 1000\nRUN a'],
    ['the shell', 'FROM base\nSHELL ["/bin/bash", "-c"]\nRUN a'],
    ['the base', 'FROM other\nRUN a'],
  ])('another %s makes another key', async (_, text) => {
    const bench = new Bench();
    await bench.build('FROM base\nRUN a');
    await bench.build(text);
    expect(bench.ran).toEqual(['a', 'a']);
  });

  test('a record whose layer is gone does not count', async () => {
    const bench = new Bench();
    await bench.build('FROM base\nRUN a');
    bench.layers.clear();
    await bench.build('FROM base\nRUN a');
    expect(bench.ran).toEqual(['a', 'a']);
  });

  test('a step that came to the same result lets those after it rest', async () => {
    const bench = new Bench();
    bench.results = { a: 'same', changed: 'same' };
    await bench.build('FROM base\nRUN a\nRUN b');
    await bench.build('FROM base\nRUN changed\nRUN b');
    expect(bench.ran).toEqual(['a', 'b', 'changed']);
  });

  test('a failed step leaves no record', async () => {
    const bench = new Bench();
    bench.statuses = { bad: 3 };
    const failure = await bench.build('FROM base\nRUN a\nRUN bad').then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code: 'build-failed', details: { exitCode: 3, line: 3, step: 3 } });
    expect(bench.records.size).toBe(1);
  });
});

describe('stages', () => {
  const text =
    'FROM base AS a\nRUN one\nFROM base AS b\nRUN two\nFROM base AS c\nRUN three\nFROM scratch\nCOPY --from=a / /\nCOPY --from=b / /\nCOPY --from=c / /';

  test('run side by side, bounded', async () => {
    const bench = new Bench();
    await bench.build(text).catch(() => undefined);
    expect(bench.ran.toSorted()).toEqual(['one', 'three', 'two']);
    expect(bench.mostRunning).toBe(2);
  });

  test('a failure ends the others at once, and is the one that is told', async () => {
    const bench = new Bench();
    bench.statuses = { bad: 1 };
    const begun = performance.now();
    const build = bench.build(
      'FROM base AS a\nRUN slow\nFROM base AS b\nRUN bad\nFROM scratch\nCOPY --from=a / /\nCOPY --from=b / /',
    );
    expect(
      await build.then(
        () => null,
        (error: unknown) => error,
      ),
    ).toMatchObject({ code: 'build-failed' });
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect(bench.running).toBe(0);
  });

  test('a stage that waits for another says nothing yet', async () => {
    const bench = new Bench();
    await bench.build('FROM base AS a\nRUN x\nFROM scratch\nCOPY --from=a / /').catch(() => undefined);
    const numbers = bench.events.flatMap((event) => (event.type === 'step' ? [event.number] : []));
    expect(numbers).toEqual([1, 2, 3, 4]);
  });

  test('nothing is said of an instruction before the instruction itself, also when another stage asks for its result', async () => {
    const bench = new Bench();
    const text = 'FROM a AS one\nRUN x\nRUN y\nRUN z\nFROM b\nCOPY --from=one / /\n';
    // The bench cannot copy: it is what comes before that counts.
    await bench.build(text).catch(() => undefined);
    bench.events.length = 0;
    await bench.build(text).catch(() => undefined);
    const said = new Set<number>();
    for (const event of bench.events) {
      if (event.type === 'step') said.add(event.number);
      if (event.type === 'cached') expect([...said]).toContain(event.step ?? 0);
    }
    expect(bench.events.some((event) => event.type === 'cached')).toBe(true);
  });

  test('every instruction has its step event, in order within its stage', async () => {
    const bench = new Bench();
    await bench.build('FROM base\nENV A=1\nRUN x\nCMD y');
    const steps = bench.events.flatMap((event) =>
      event.type === 'step' ? [`${event.number}/${event.total} ${event.text}`] : [],
    );
    expect(steps).toEqual(['1/4 FROM base', '2/4 ENV A=1', '3/4 RUN x', '4/4 CMD y']);
  });
});
