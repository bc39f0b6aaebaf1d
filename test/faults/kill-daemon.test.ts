import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NO_VMS, TestEngine } from '../support/engine.ts';

/** More rounds: HULL_FAULT_ROUNDS=200 npm run faults */
const ROUNDS = Number(process.env['HULL_FAULT_ROUNDS'] ?? 8);
/** From a request that has hardly begun to one that is almost over, in milliseconds. */
const LONGEST = 400;

const engine = new TestEngine();

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
  await engine.must([
    'run',
    '-d',
    '--name',
    'keeper',
    'busybox',
    'sh',
    '-c',
    'i=0; while sleep 0.2; do i=$((i+1)); echo tick $i; done',
  ]);
}, 60_000);
afterAll(() => engine.destroy(), 60_000);

function makeContext(round: number): string {
  const context = join(engine.folder, `context-${round}`);
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, 'file'), `round ${round}`.repeat(10_000));
  writeFileSync(
    join(context, 'Dockerfile'),
    `FROM busybox\nCOPY file /file\nRUN echo ${round} > /step && sleep 0.1\nRUN cp /file /copy\nCMD ["cat", "/step"]\n`,
  );
  return context;
}

/** Ticks in the log, which must be an unbroken series from 1. */
async function ticks(): Promise<number> {
  const lines = (await engine.must(['logs', 'keeper'])).split('\n');
  expect(lines).toEqual(lines.map((_, index) => `tick ${index + 1}`));
  return lines.length;
}

test(
  `a daemon killed at ${ROUNDS} random moments leaves nothing half done and takes everything over`,
  async () => {
    const pid = (await engine.inspect('keeper')).State['Pid'];
    let seen = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const work = [
        engine.launch(['run', '--rm', '-v', '/anonymous', '-p', '127.0.0.1::80', 'busybox', 'sleep', '0.1']),
        engine.launch(['run', '-d', '--name', `stays-${round}`, 'busybox', 'sleep', '1000']),
        engine.launch(['build', '-q', '-t', `built:${round}`, makeContext(round)]),
        engine.launch(['exec', 'keeper', 'sleep', '0.1']),
        engine.launch(['rm', '-f', `stays-${round - 1}`]),
      ];
      await Bun.sleep(Math.random() * LONGEST);
      await engine.crash();
      await Promise.all(work.map(({ exited }) => exited));
      await engine.start();
      expect(await engine.findings()).toBe('');
      expect((await engine.inspect('keeper')).State['Pid']).toBe(pid);
      const now = await ticks();
      expect(now).toBeGreaterThan(seen);
      seen = now;
      // Whatever exists works: no half image, no half instance.
      for (const image of (await engine.must(['images', '-q'])).split('\n')) {
        await engine.must(['run', '--rm', image, 'true']);
      }
      expect((await engine.hull(['check', '--deep'])).code).toBe(0);
    }
  },
  60_000 + ROUNDS * 20_000,
);

/** A VM takes seconds to boot: fewer rounds, from its first moment to well after its workload runs. */
const VM_ROUNDS = Math.max(2, Math.floor(ROUNDS / 4));
const VM_LONGEST = 8000;

test.skipIf(NO_VMS !== null)(
  `a daemon killed at ${VM_ROUNDS} random moments of a VM's start leaves a whole VM or none`,
  async () => {
    for (let round = 0; round < VM_ROUNDS; round++) {
      const name = `vm-${round}`;
      const shared = join(engine.folder, name);
      mkdirSync(shared, { recursive: true });
      const start = engine.launch([
        'run',
        '-d',
        '--isolation',
        'vm',
        '--name',
        name,
        '-v',
        `${shared}:/shared`,
        'busybox',
        'sleep',
        '1000',
      ]);
      await Bun.sleep(Math.random() * VM_LONGEST);
      await engine.crash();
      await start.exited;
      await engine.start();
      expect(await engine.findings()).toBe('');
      const exists = (await engine.hull(['inspect', name])).code === 0;
      if (exists && (await engine.inspect(name)).State['Running'] === true) {
        expect((await engine.hull(['exec', name, 'ls', '/shared'])).code).toBe(0);
      }
      if (exists) await engine.must(['rm', '-f', name]);
      expect(await engine.findings()).toBe('');
    }
  },
  60_000 + VM_ROUNDS * 40_000,
);
