import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { TestEngine } from '../support/engine.ts';

/** Freeing the disk of what nobody uses. */
const engine = new TestEngine();
const LONG = 60_000;

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

const names = async (): Promise<string[]> =>
  (await engine.must(['ps', '-a', '--format', '{{.Names}}']))
    .split('\n')
    .filter((name) => name !== '')
    .toSorted();
/** Kind and name of each row. */
const rows = (output: string): string[] =>
  output
    .split('\n')
    .slice(1, -1)
    .map((line) => line.split(/ {2,}/))
    .map(([kind, , name]) => `${kind} ${name}`);

describe('docker container prune', () => {
  test('all at rest that the filters let through', async () => {
    await engine.must(['run', '-d', '--name', 'runs', '--label', 'tier=a', 'busybox', 'sleep', '1000']);
    for (const name of ['one', 'two', 'three']) {
      const label = name === 'two' ? 'tier=b' : 'tier=a';
      await engine.must([
        'run',
        '--name',
        name,
        '--label',
        label,
        'busybox',
        'sh',
        '-c',
        'head -c 30000 /dev/zero > /f',
      ]);
    }
    await engine.must(['create', '--name', 'fresh', '--label', 'tier=a', 'busybox', 'true']);
    const prune = (...filters: string[]) =>
      engine.docker(['container', 'prune', '-f', ...filters.flatMap((filter) => ['--filter', filter])]);
    expect((await prune('until=1h')).stdout).toBe('Total reclaimed space: 0B\n');
    expect((await prune('label=tier=b')).stdout).toContain('Total reclaimed space: 3');
    expect(await names()).toEqual(['fresh', 'one', 'runs', 'three']);
    await prune('label!=tier=a');
    expect(await names()).toEqual(['fresh', 'one', 'runs', 'three']);
    await engine.must(['container', 'prune']);
    expect(await names()).toEqual(['runs']);
    expect((await prune('nonsense=1')).code).toBe(1);
    await engine.must(['rm', '-f', 'runs']);
  });
});

describe('hull gc', () => {
  test('nothing that runs, is young, or is to be kept; a dry run removes nothing', async () => {
    await engine.must(['run', '-d', '--name', 'runs', '-v', 'used:/data', 'busybox', 'sleep', '1000']);
    await engine.must(['create', '--name', 'kept', '--label', 'hull.keep=true', 'busybox', 'true']);
    await engine.must(['run', '--name', 'oldest', '-v', 'idle:/data', 'busybox', 'true']);
    await engine.must(['run', '--name', 'newest', 'busybox', 'true']);
    expect(rows(await engine.must(['gc']))).toEqual([]);
    const dry = await engine.must(['gc', '--dry-run', '--older-than', '0', '--volumes']);
    expect(rows(dry)).toEqual([]);
    const all = ['gc', '--older-than', '0', '--containers', '--volumes'];
    expect(rows(await engine.must([...all, '--dry-run']))).toEqual([
      'container oldest',
      'container newest',
      'volume idle',
    ]);
    expect(await names()).toEqual(['kept', 'newest', 'oldest', 'runs']);
    expect(rows(await engine.must([...all, '--keep', '1']))).toEqual(['container oldest']);
    expect(rows(await engine.must(all))).toEqual(['container newest', 'volume idle']);
    expect(await names()).toEqual(['kept', 'runs']);
    expect(await engine.must(['volume', 'ls', '-q'])).toBe('used');
  });

  test('images that nobody uses, with all their names', async () => {
    await engine.must(['tag', 'busybox', 'other:1']);
    expect(rows(await engine.must(['gc', '--older-than', '0', '--images']))).toEqual([]);
    await engine.must(['rm', '-f', 'runs', 'kept']);
    expect(await engine.must(['gc', '--older-than', '0', '--images', '--max-size', '10g'])).toContain(
      'space: 0B',
    );
    const gone = await engine.must(['gc', '--older-than', '0', '--images', '--max-size', '1k']);
    expect(rows(gone)).toHaveLength(1);
    expect(await engine.must(['images', '-q'])).toBe('');
  });

  test('a policy of its own outlives the daemon', async () => {
    await engine.must(['gc', '--every', '12h', '--older-than', '7d', '--keep', '3', '--max-size', '10g']);
    await engine.restart();
    expect(await engine.must(['gc', '--scheduled'])).toBe(
      'Every 12 hours: container, image, build-cache not used for 7 days, but the 3 youngest of each, until all fits into 10.74GB',
    );
    const often = await engine.hull(['gc', '--every', '10s']);
    expect([often.code, often.stderr]).toEqual([1, expect.stringContaining('once a minute')]);
    await engine.must(['gc', '--every', '0']);
    expect(await engine.must(['gc', '--scheduled'])).toContain('runs no policy');
  });
});
