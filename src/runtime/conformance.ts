import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { withTimeout } from '../lib/rollback.ts';
import { CONTROL_CASES } from './conformance-control.ts';
import { STREAM_CASES } from './conformance-streams.ts';
import {
  Bench,
  bytes,
  codeOf,
  createAndStart,
  failureOf,
  pause,
  readAll,
  type RuntimeUnderTest,
  text,
} from './conformance-bench.ts';

export type { RuntimeUnderTest } from './conformance-bench.ts';

/** Cases that a runtime cannot pass, with the reason, by name. */
export type SkippedCases = Readonly<Record<string, string>>;

export interface ConformanceOptions {
  readonly skip?: SkippedCases;
  /** Milliseconds for one case. */
  readonly timeout?: number;
}

type Case = (bench: Bench) => Promise<void>;

const CASES: Readonly<Record<string, Case>> = {
  ...CONTROL_CASES,
  ...STREAM_CASES,
  'runs to the end with status 0': async (bench) => {
    expect(await bench.run(['true'])).toMatchObject({ code: 0, oomKilled: false, output: '' });
  },
  'exit statuses 1 and 3': async (bench) => {
    expect((await bench.run(['false'])).code).toBe(1);
    expect((await bench.run(['sh', '-c', 'exit 3'])).code).toBe(3);
  },
  'output before the exit is not lost': async (bench) => {
    for (let count = 0; count < 5; count += 1)
      expect((await bench.run(['echo', 'hello'])).output).toBe('hello\n');
  },
  'the log has what was printed': async (bench) => {
    const { bundle } = await bench.run(['echo', 'logged']);
    expect(readFileSync(bundle.log.path, 'utf8')).toMatch(/^\d{4}-\S+ stdout F logged\n$/);
  },
  'SIGKILL is 137': async (bench) => {
    const { runtime, bundle } = await bench.started(['sleep', '100']);
    await runtime.signal(bundle.id, 9);
    expect((await runtime.wait(bundle.id)).code).toBe(137);
  },
  'SIGTERM under an init is 143': async (bench) => {
    const { runtime, bundle } = await bench.started(['sleep', '100'], { init: true });
    await pause(100);
    await runtime.signal(bundle.id, 15);
    expect((await runtime.wait(bundle.id)).code).toBe(143);
  },
  'wrong states are refused': async (bench) => {
    const { runtime, bundle } = await bench.created(['true']);
    expect(await codeOf(runtime.signal(bundle.id, 15))).toBe('wrong-state');
    expect(await codeOf(runtime.create(bundle))).toBe('wrong-state');
    await runtime.start(bundle.id);
    expect(await codeOf(runtime.start(bundle.id))).toBe('wrong-state');
    await runtime.wait(bundle.id);
    expect(await codeOf(runtime.signal(bundle.id, 15))).toBe('wrong-state');
    expect(await codeOf(runtime.exec(bundle.id, bench.exec(['true'])))).toBe('wrong-state');
  },
  'a program that does not exist': async (bench) => {
    const bundle = await bench.bundle(['no-such-program']);
    const failure = await failureOf(createAndStart(bench.runtime, bundle));
    expect(failure).toMatchObject({ code: 'start-failed', details: { exitCode: 127 } });
    await bench.runtime.delete(bundle.id);
    expect(await bench.leftovers(bundle.id)).toEqual([]);
  },
  'a program that cannot be executed': async (bench) => {
    const bundle = await bench.bundle(['/etc/passwd']);
    expect(await failureOf(createAndStart(bench.runtime, bundle))).toMatchObject({
      code: 'start-failed',
      details: { exitCode: 126 },
    });
  },
  'an unknown user': async (bench) => {
    const bundle = await bench.bundle(['true'], { user: 'nobody-here' });
    expect(await failureOf(createAndStart(bench.runtime, bundle))).toMatchObject({ code: 'start-failed' });
    await bench.runtime.delete(bundle.id);
    expect(await bench.leftovers(bundle.id)).toEqual([]);
  },
  'delete twice, and of what never was': async (bench) => {
    const { runtime, bundle } = await bench.run(['true']);
    await runtime.delete(bundle.id);
    await runtime.delete(bundle.id);
    await runtime.delete('f'.repeat(64));
    expect(await bench.leftovers(bundle.id)).toEqual([]);
  },
  'delete while created and while running': async (bench) => {
    const created = await bench.created(['sleep', '100']);
    await created.runtime.delete(created.bundle.id);
    const running = await bench.started(['sleep', '100']);
    const exit = running.runtime.wait(running.bundle.id);
    await running.runtime.delete(running.bundle.id);
    expect((await exit).code).toBe(137);
    expect(await bench.leftovers(created.bundle.id)).toEqual([]);
    expect(await bench.leftovers(running.bundle.id)).toEqual([]);
  },
  'the same id again after delete': async (bench) => {
    const { runtime, bundle } = await bench.run(['sh', '-c', 'exit 3']);
    await runtime.delete(bundle.id);
    await createAndStart(runtime, { ...bundle, process: { ...bundle.process, args: ['true'] } });
    expect((await runtime.wait(bundle.id)).code).toBe(0);
  },
  'adopt: created': async (bench) => {
    const { bundle } = await bench.created(['sh', '-c', 'exit 3']);
    const successor = bench.reopen();
    expect(await successor.adopt(bundle)).toEqual({ state: 'created' });
    await successor.start(bundle.id);
    expect((await successor.wait(bundle.id)).code).toBe(3);
  },
  'adopt: running, with its input and output': async (bench) => {
    const { bundle, started } = await bench.started(['cat'], { openStdin: true });
    const successor = bench.reopen();
    expect(await successor.adopt(bundle)).toEqual({ state: 'running', started });
    const stdio = await successor.attach(bundle.id);
    await stdio.write(bytes('again\n'));
    for await (const chunk of stdio.output) {
      expect(text(chunk.data)).toBe('again\n');
      break;
    }
    await successor.signal(bundle.id, 9);
    expect((await successor.wait(bundle.id)).code).toBe(137);
  },
  'adopt: exited while nobody looked': async (bench) => {
    const { bundle, runtime } = await bench.started(['sh', '-c', 'exit 3']);
    await runtime.wait(bundle.id);
    const successor = bench.reopen();
    expect(await successor.adopt(bundle)).toEqual({ state: 'exited' });
    expect((await successor.wait(bundle.id)).code).toBe(3);
  },
  'adopt: gone': async (bench) => {
    expect(await bench.reopen().adopt(await bench.bundle(['true']))).toEqual({ state: 'gone' });
  },
  'exec: output, status, environment': async (bench) => {
    const { runtime, bundle } = await bench.started(['sleep', '100']);
    const session = await runtime.exec(bundle.id, bench.exec(['echo', 'inside']));
    expect([await readAll(session.stdio), await session.exited]).toEqual(['inside\n', 0]);
    const failing = await runtime.exec(bundle.id, bench.exec(['sh', '-c', 'exit 3']));
    expect(await failing.exited).toBe(3);
  },
  'exec: stdin and half-close': async (bench) => {
    const { runtime, bundle } = await bench.started(['sleep', '100']);
    const session = await runtime.exec(bundle.id, { ...bench.exec(['cat']), openStdin: true });
    await session.stdio.write(bytes('to exec\n'));
    await session.stdio.closeInput();
    expect([await readAll(session.stdio), await session.exited]).toEqual(['to exec\n', 0]);
  },
  'exec: terminal and resize': async (bench) => {
    const { runtime, bundle } = await bench.started(['sleep', '100']);
    const spec = bench.exec(['sh', '-c', 'read line; stty size']);
    const session = await runtime.exec(bundle.id, {
      ...spec,
      openStdin: true,
      process: { ...spec.process, tty: true },
    });
    const output = readAll(session.stdio);
    await session.resize({ rows: 12, columns: 34 });
    await pause(100);
    await session.stdio.write(bytes('\n'));
    expect(await output).toContain('12 34');
    expect(await session.exited).toBe(0);
  },
  'exec: not found is 127': async (bench) => {
    const { runtime, bundle } = await bench.started(['sleep', '100']);
    const session = await runtime.exec(bundle.id, bench.exec(['no-such-program']));
    expect(await session.exited).toBe(127);
  },
  'exec: ends with its instance': async (bench) => {
    const { runtime, bundle } = await bench.started(['sleep', '100']);
    const session = await runtime.exec(bundle.id, bench.exec(['sleep', '100']));
    await runtime.signal(bundle.id, 9);
    expect(await session.exited).toBe(137);
  },
  'user, groups, home, working folder, environment': async (bench) => {
    const script = 'id; pwd; echo $HOME $GREETING';
    const options = { user: 'alice', cwd: '/new/folder', env: ['PATH=/bin', 'GREETING=hi'] };
    const { output } = await bench.run(['sh', '-c', script], options);
    expect(output).toMatch(
      /^uid=1000\(alice\) gid=1000\(alice\) groups=\S+\n\/new\/folder\n\/home\/alice hi\n$/,
    );
    expect(output).toContain('50(staff)');
    expect(output).toMatch(/groups=\S*1000\(alice\)/);
  },
  'host name': async (bench) => {
    expect((await bench.run(['hostname'])).output).toBe('conform\n');
  },
  'read-only root': async (bench) => {
    const { output } = await bench.run(
      ['sh', '-c', 'touch /file || echo refused'],
      {},
      { readOnlyRoot: true },
    );
    expect(output).toContain('refused');
  },
  'tmpfs with its size': async (bench) => {
    const mount = {
      type: 'tmpfs',
      source: '',
      target: '/scratch',
      readOnly: false,
      options: ['size=1m'],
    } as const;
    const { output } = await bench.run(
      ['sh', '-c', 'dd if=/dev/zero of=/scratch/x bs=1k count=2048 2>&1; ls /scratch'],
      {},
      { mounts: [mount] },
    );
    expect(output).toContain('No space left on device');
  },
  'bind mounts, read-write and read-only': async (bench) => {
    const source = bench.folder('bind');
    writeFileSync(`${source}/given`, 'from the host\n');
    const mount = { type: 'bind', source, readOnly: false, options: [] } as const;
    const script = 'cat /rw/given; echo back > /rw/made; touch /ro/other || echo refused';
    const mounts = [
      { ...mount, target: '/rw' },
      { ...mount, target: '/ro', readOnly: true },
    ];
    const { output } = await bench.run(['sh', '-c', script], {}, { mounts });
    expect(output).toStartWith('from the host\n');
    expect(output).toContain('refused');
    expect(readFileSync(`${source}/made`, 'utf8')).toBe('back\n');
  },
  'the memory limit kills, and says so': async (bench) => {
    const resources = { memory: 16 << 20, memorySwap: 16 << 20 };
    const { code, oomKilled } = await bench.run(
      ['sh', '-c', 'head -c 64m /dev/zero | tail -c 64m > /dev/null; exit 9'],
      {},
      { resources },
    );
    expect(oomKilled).toBe(true);
    // The process that needed the memory, or everything with it.
    expect([9, 137]).toContain(code);
  },
  statistics: async (bench) => {
    const { runtime, bundle } = await bench.started(
      ['sleep', '100'],
      {},
      { resources: { memory: 64 << 20 } },
    );
    const stats = await runtime.stats(bundle.id);
    expect(stats.memoryUsage).toBeGreaterThan(0);
    expect(stats.memoryLimit).toBe(64 << 20);
    expect(stats.cpuNanoseconds).toBeGreaterThan(0);
    expect(stats.pids).toBeGreaterThan(0);
    expect(Math.abs(stats.readAt - Date.now())).toBeLessThan(10_000);
  },
  processes: async (bench) => {
    const { runtime, bundle } = await bench.started(['sleep', '100']);
    // Between the start and its own first instruction it still bears the runtime's name.
    for (let count = 0; ; count += 1) {
      const { titles, rows } = await runtime.processes(bundle.id, []);
      expect(titles).toContain('PID');
      if (rows.some((row) => row.join(' ').includes('sleep'))) return;
      expect(count).toBeLessThan(100);
      await pause(20);
    }
  },
  'host processes': async (bench) => {
    const { runtime, bundle } = await bench.started(['sleep', '100']);
    expect((await runtime.hostProcesses(bundle.id)).workload.length).toBeGreaterThan(0);
    await runtime.delete(bundle.id);
    expect(await runtime.hostProcesses(bundle.id)).toEqual({ workload: [], helpers: [] });
  },
  'the inventory tells of what exists': async (bench) => {
    const { bundle } = await bench.started(['sleep', '100']);
    expect((await bench.leftovers(bundle.id)).length).toBeGreaterThan(0);
  },
};

/** Runs the suite against one runtime. The same cases for every runtime; what one cannot do is skipped with a reason. */
export function describeRuntime(
  name: string,
  open: () => Promise<RuntimeUnderTest>,
  options: ConformanceOptions = {},
): void {
  const { skip = {}, timeout = 20_000 } = options;
  describe(`runtime ${name}`, () => {
    let subject: RuntimeUnderTest | null = null;
    beforeAll(async () => void (subject = await open()), timeout);
    afterAll(async () => await subject?.close(), timeout);

    test('every skipped case exists', () => {
      expect(Object.keys(skip).filter((title) => !(title in CASES))).toEqual([]);
    });
    for (const [title, body] of Object.entries(CASES)) {
      const reason = skip[title];
      if (reason !== undefined) test.skip(`${title} (skipped: ${reason})`, () => undefined);
      else test(title, async () => await withBench(subject, timeout, body), timeout + 5_000);
    }
  });
}

async function withBench(subject: RuntimeUnderTest | null, timeout: number, body: Case): Promise<void> {
  if (subject === null) throw new Error('the runtime under test was not made');
  const bench = new Bench(subject);
  try {
    await withTimeout(body(bench), timeout, 'the case');
  } finally {
    await bench.close();
  }
}
