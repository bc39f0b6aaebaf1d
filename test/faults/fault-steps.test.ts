import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FaultPlan } from '../../src/host/faults.ts';
import { TestRegistry } from '../support/registry.ts';
import { until } from '../support/until.ts';
import { FaultyEngine } from './injection.ts';

/** Every step with every error, before and after its work: npm run faults */
const THOROUGH = process.env['HULL_FAULT_ROUNDS'] !== undefined;
/** Else so many steps of each operation, spread over it. */
const SAMPLE = 4;
const ERRNOS = ['EMFILE', 'ENOSPC', 'EAGAIN', 'ENOMEM'] as const;
/** What gives something that would be nobody's: it cannot be done and not be heard of. */
const GIVES = /^(exec\.spawn|sockets\.|files\.openInRoot)/;

const engine = new FaultyEngine();
let registry: TestRegistry | null = null;

beforeAll(async () => {
  registry = await TestRegistry.start();
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
  await engine.must(['tag', 'busybox', `${registry.address}/shelf`]);
  await engine.must(['push', '-q', `${registry.address}/shelf`]);
}, 60_000);
afterAll(async () => {
  await engine.destroy();
  await registry?.[Symbol.asyncDispose]();
}, 60_000);

interface Operation {
  /** Makes the state that the operation begins with, without a fault. */
  readonly prepare: () => Promise<unknown>;
  /** The operation; resolves to a command's exit status. */
  readonly run: () => Promise<number>;
  /** Once more, where it has failed. */
  readonly again?: () => Promise<number>;
  /** Throws unless it is done, and done well. */
  readonly verify: () => Promise<unknown>;
}

const status = async (...args: string[]): Promise<number> => (await engine.hull(args)).code;
const gone = (): Promise<true> =>
  until('no instance any more', async () =>
    (await engine.must(['ps', '-aq', '--filter', 'name=subject'])) === '' ? true : null,
  );
const runs = async (): Promise<void> => {
  expect((await engine.inspect('subject')).State).toMatchObject({ Running: true, Restarting: false });
  await engine.must(['exec', 'subject', 'true']);
};
const remove = (): Promise<unknown> => engine.hull(['rm', '-f', '-v', 'subject']);
const START = ['-v', '/anonymous', '-p', '127.0.0.1::80', '--name', 'subject', 'busybox', 'sleep', '1000'];
const running = async (...flags: string[]): Promise<unknown> => {
  await remove();
  return await engine.must(['run', '-d', ...flags, ...START]);
};

let rounds = 0;
function context(): string {
  rounds += 1;
  const folder = join(engine.folder, `context-${rounds}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'file'), `round ${rounds}`);
  writeFileSync(join(folder, 'Dockerfile'), `FROM busybox\nCOPY file /file\nRUN cp /file /copy\n`);
  return folder;
}

let built = '';
const OPERATIONS: Readonly<Record<string, Operation>> = {
  start: {
    prepare: async () => {
      await remove();
      await engine.must(['create', ...START]);
    },
    run: () => status('start', 'subject'),
    verify: runs,
  },
  stop: {
    prepare: () => running(),
    run: () => status('stop', '-t', '0', 'subject'),
    verify: async () =>
      expect((await engine.inspect('subject')).State).toMatchObject({ Status: 'exited', Pid: 0 }),
  },
  restart: { prepare: () => running(), run: () => status('restart', '-t', '0', 'subject'), verify: runs },
  removal: {
    prepare: () => running(),
    run: () => status('rm', '-f', '-v', 'subject'),
    again: () => Promise.resolve(0),
    verify: gone,
  },
  'a run with --rm': {
    prepare: remove,
    run: () => status('run', '--rm', '-v', '/anonymous', '--name', 'subject', 'busybox', 'true'),
    again: async () => {
      await gone();
      return await status('run', '--rm', '--name', 'subject', 'busybox', 'true');
    },
    verify: gone,
  },
  exec: { prepare: () => running(), run: () => status('exec', 'subject', 'true'), verify: runs },
  build: {
    prepare: async () => {
      await remove();
      built = context();
    },
    run: () => status('build', '-q', '-t', 'built', built),
    verify: async () =>
      expect(await engine.must(['run', '--rm', 'built', 'cat', '/copy'])).toContain('round'),
  },
  pull: {
    prepare: () => engine.hull(['rmi', '-f', `${registry?.address}/shelf`, 'busybox']),
    run: () => status('pull', '-q', `${registry?.address}/shelf`),
    verify: async () => {
      await engine.must(['run', '--rm', `${registry?.address}/shelf`, 'true']);
      await engine.must(['tag', `${registry?.address}/shelf`, 'busybox']);
    },
  },
  'a restart by policy': {
    prepare: () => running('--restart', 'always'),
    run: async () => {
      const { Pid } = (await engine.inspect('subject')).State;
      engine.host.processes.kill(Number(Pid), 9);
      const again = async (): Promise<true | null> => {
        const { State } = await engine.inspect('subject');
        return State['Running'] === true && State['Restarting'] === false && State['Pid'] !== Pid
          ? true
          : null;
      };
      return await until('another run', again, 15_000).then(
        () => 0,
        () => 1,
      );
    },
    again: () => Promise.resolve(1),
    verify: runs,
  },
  recovery: {
    prepare: () => running(),
    run: async () => {
      await engine.crash();
      return await engine.start().then(
        () => 0,
        () => 1,
      );
    },
    verify: runs,
  },
};

/** The plans of one operation that makes `calls`. */
function plansFor(calls: readonly string[]): Partial<FaultPlan>[] {
  const steps = calls.map((_, index) => index + 1);
  if (!THOROUGH) {
    const every = Math.max(1, Math.ceil(steps.length / SAMPLE));
    const offset = Math.floor(Math.random() * every);
    return steps
      .filter((step) => step % every === offset)
      .map((call) => ({ call, errno: ERRNOS[call % ERRNOS.length] ?? 'EMFILE' }));
  }
  return steps.flatMap((call) =>
    ERRNOS.flatMap((errno) => {
      const before = { call, errno };
      const after = errno === 'EMFILE' && !GIVES.test(calls[call - 1] ?? '');
      return after ? [before, { ...before, when: 'after' as const }] : [before];
    }),
  );
}

async function survives(
  { prepare, run, again = run, verify }: Operation,
  plan: Partial<FaultPlan>,
): Promise<void> {
  engine.inject({});
  await prepare();
  await engine.calls();
  engine.inject(plan);
  const code = await run();
  await engine.calls();
  engine.inject({});
  if (code !== 0) expect(await again()).toBe(0);
  await verify();
  await engine.findsNothing();
}

describe('a call of the host that fails', () => {
  for (const [name, operation] of Object.entries(OPERATIONS))
    test(
      `at any step of ${name} leaves nothing half done, and ${name} works the next time`,
      async () => {
        engine.inject({});
        await operation.prepare();
        await engine.calls();
        engine.inject({});
        expect(await operation.run()).toBe(0);
        const calls = await engine.calls();
        await operation.verify();
        expect(calls.length).toBeGreaterThan(0);
        const failed: string[] = [];
        for (const plan of plansFor(calls))
          await survives(operation, plan).catch((error: unknown) =>
            failed.push(
              `${JSON.stringify(plan)} ${calls[(plan.call ?? 1) - 1]}: ${String(error).slice(0, 400)}`,
            ),
          );
        expect(failed).toEqual([]);
      },
      THOROUGH ? 3_600_000 : 180_000,
    );
});

test('an instance’s files survive a mount whose success is not heard of', async () => {
  await running();
  await engine.must(['exec', 'subject', 'sh', '-c', 'echo precious > /precious']);
  engine.inject({});
  await engine.must(['restart', '-t', '0', 'subject']);
  const call = (await engine.calls()).findIndex((one) => one.startsWith('mounts.overlay')) + 1;
  engine.inject({ call, when: 'after' });
  expect(await status('restart', '-t', '0', 'subject')).not.toBe(0);
  engine.inject({});
  await engine.must(['restart', '-t', '0', 'subject']);
  expect(await engine.must(['exec', 'subject', 'cat', '/precious'])).toBe('precious');
  await remove();
  await engine.findsNothing();
}, 60_000);
