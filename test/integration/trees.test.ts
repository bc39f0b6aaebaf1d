import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDeepTree } from '../../src/host/testing/deep-tree.ts';
import { TestEngine } from '../support/engine.ts';
import { cpuSeconds } from '../support/cpu.ts';
import { until } from '../support/until.ts';

const engine = new TestEngine();
const LONG = 300_000;
/** As many levels as a path cannot name: 2 bytes each, 4096 at most. */
const DEPTH = 3 * 1024;
const BELOW = 'd/'.repeat(DEPTH);
/** By a shell alone: a path is as long as the kernel takes, and from its end goes the next one. */
const MAKE_DEEP = `p=d; for i in 1 2 3 4 5 6 7 8 9 10; do p=$p/$p; done; for i in 1 2 3; do mkdir -p $p && cd -P $p; done; echo deepest > z`;

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

const sh = (...args: string[]): Promise<string> => {
  const [script = '', ...flags] = args.toReversed();
  return engine.must(['run', ...flags.toReversed(), '--network', 'none', 'busybox', 'sh', '-c', script]);
};
const removing = (): string[] => readdirSync(join(engine.data, 'removing'));
/** Everything that was removed is deleted. */
const gone = (): Promise<true> => until('deleted', async () => (removing().length === 0 ? true : null), LONG);

describe('a tree deeper than any path, made without a capability', () => {
  beforeAll(
    () => sh('--name', 'deep', '--cap-drop', 'ALL', '-v', 'kept:/kept', `mkdir /t; cd /t; ${MAKE_DEEP}`),
    LONG,
  );

  test(
    'diff lists it',
    async () => {
      const lines = (await engine.must(['diff', 'deep'])).split('\n');
      expect(lines.filter((line) => line.startsWith('A /t/d'))).toHaveLength(DEPTH + 1);
      expect(lines).toContain(`A /t/${BELOW}z`);
      expect((await engine.mustDocker('diff', 'deep')).split('\n')).toHaveLength(lines.length);
    },
    LONG,
  );

  test(
    'export and cp give it, and it unpacks',
    async () => {
      const listed = await engine.host.exec.run(
        [
          'sh',
          '-c',
          '"$0" export deep | tar -t | grep -c "^t/d"',
          process.env['HULL_TEST_BINARY'] ?? 'dist/hull',
        ],
        { env: { HULL_HOST: engine.url, PATH: process.env['PATH'] ?? '' } },
      );
      expect(listed.stdout.trim()).toBe(String(DEPTH + 1));
      await sh('-d', '--name', 'other', 'sleep 1000');
      const copied = await engine.host.exec.run(
        ['sh', '-c', 'docker cp deep:/t - | docker cp - other:/tmp'],
        { timeout: LONG, env: { DOCKER_HOST: engine.url, PATH: process.env['PATH'] ?? '' } },
      );
      expect(copied).toMatchObject({ code: 0, stderr: '' });
      const deepest = `cd /tmp/t; for i in 1 2 3; do cd -P ${'d/'.repeat(1024)}; done; cat z`;
      expect(await engine.must(['exec', 'other', 'sh', '-c', deepest])).toBe('deepest');
      await engine.must(['rm', '-f', 'other']);
    },
    LONG,
  );

  test(
    'commit makes an image of it, and the image runs, is saved and loaded',
    async () => {
      await engine.must(['commit', 'deep', 'deep-image']);
      const deepest = `cd /t; for i in 1 2 3; do cd -P ${'d/'.repeat(1024)}; done; cat z`;
      expect(await engine.must(['run', '--rm', '--network', 'none', 'deep-image', 'sh', '-c', deepest])).toBe(
        'deepest',
      );
      const archive = join(engine.folder, 'image.tar');
      await engine.must(['save', '-o', archive, 'deep-image']);
      await engine.must(['rmi', 'deep-image']);
      await engine.must(['load', '-i', archive]);
      expect(await engine.must(['run', '--rm', '--network', 'none', 'deep-image', 'sh', '-c', deepest])).toBe(
        'deepest',
      );
      await engine.must(['rmi', 'deep-image']);
    },
    LONG,
  );

  test(
    'its size is told, and rm answers before it is deleted',
    async () => {
      expect(await engine.must(['ps', '-as'])).toContain('deep');
      await engine.must(['rm', 'deep']);
      expect(readdirSync(join(engine.data, 'instances'))).toEqual([]);
      await gone();
    },
    LONG,
  );
});

test(
  'a volume with one is cloned, kept in a snapshot and removed',
  async () => {
    await sh('--rm', '-v', 'deep:/v', `cd /v; ${MAKE_DEEP}`);
    await engine.must(['volume', 'clone', 'deep', 'copy']);
    await engine.must(['volume', 'snapshot', 'deep', 'one']);
    const deepest = `cd /v; for i in 1 2 3; do cd -P ${'d/'.repeat(1024)}; done; cat z`;
    expect(await sh('--rm', '-v', 'copy:/v', deepest)).toBe('deepest');
    await engine.must(['volume', 'snapshot-rm', 'deep', 'one']);
    await engine.must(['volume', 'rm', 'deep', 'copy']);
    await gone();
  },
  LONG,
);

test(
  'a build makes one, and copies it from stage to stage',
  async () => {
    const context = join(engine.folder, 'context');
    mkdirSync(context);
    writeFileSync(
      join(context, 'Dockerfile'),
      `FROM busybox AS one\nRUN mkdir /t; cd /t; ${MAKE_DEEP}\nFROM busybox\nCOPY --from=one /t /u\n`,
    );
    await engine.must(['build', '-t', 'built', context]);
    const deepest = `cd /u; for i in 1 2 3; do cd -P ${'d/'.repeat(1024)}; done; cat z`;
    expect(await engine.must(['run', '--rm', '--network', 'none', 'built', 'sh', '-c', deepest])).toBe(
      'deepest',
    );
    await engine.must(['rmi', 'built']);
  },
  LONG,
);

describe('20,000 folders in each other', () => {
  test(
    'the daemon spends nothing on their removal, and obeys meanwhile',
    async () => {
      await sh('--name', 'victim', 'true');
      const { Id } = (await engine.inspect('victim')) as unknown as { Id: string };
      makeDeepTree(join(engine.data, 'instances', Id, 'upper/t'), 20_000);
      const before = cpuSeconds(engine.pid);
      await engine.must(['rm', '-f', 'victim']);
      for (let i = 0; i < 20; i += 1) await engine.must(['version']);
      expect(cpuSeconds(engine.pid) - before).toBeLessThan(1);
    },
    LONG,
  );

  test(
    'a daemon starts though they are left, and deletes them then',
    async () => {
      await engine.crash();
      makeDeepTree(join(engine.data, 'removing/one'), 20_000);
      for (const place of ['tmp/two', 'instances/three/upper', 'l/four'])
        makeDeepTree(join(engine.data, place), 1000);
      await engine.start();
      expect(cpuSeconds(engine.pid)).toBeLessThan(3);
      expect(removing().length).toBeGreaterThan(0);
      expect(
        ['instances', 'l', 'tmp'].flatMap((folder) => readdirSync(join(engine.data, folder))),
      ).not.toContain('three');
    },
    LONG,
  );
});
