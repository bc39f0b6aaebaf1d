import { afterAll, beforeAll, expect, test } from 'bun:test';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endProcesses, hostThings, leftBehind } from './leftovers.ts';

const asRoot = process.getuid?.() === 0;
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hull-left-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const must = (program: string, ...args: string[]) => {
  const run = spawnSync(program, args, { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${run.stderr}`);
};

test('a process that names the tests’ folder is left behind until it ends', async () => {
  const before = hostThings(folder);
  const child = spawn('sleep', ['30'], { env: { MARK: folder, PATH: process.env['PATH'] }, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  // Other engines of the host may come and go meanwhile.
  expect(await leftBehind(before, folder, 300)).toContain(`process ${child.pid} sleep 30`);
  endProcesses(folder);
  await ended;
  expect([...hostThings(folder)].filter((thing) => thing.startsWith(`process ${child.pid} `))).toEqual([]);
});

test.skipIf(!asRoot)('mounts, links and nft tables are seen (needs root)', async () => {
  const before = hostThings(folder);
  const target = join(folder, 'm');
  mkdirSync(target);
  // A tag that no folder of this run hashes to is as good as any: the engine's own names are only looked like.
  const undo: (readonly [string, ...string[]])[] = [];
  try {
    must('mount', '-t', 'tmpfs', 'none', target);
    undo.push(['umount', target]);
    must('ip', 'link', 'add', 'hull-fffe', 'type', 'bridge');
    undo.push(['ip', 'link', 'del', 'hull-fffe']);
    must('nft', 'add', 'table', 'inet', 'hull_fffe');
    undo.push(['nft', 'delete', 'table', 'inet', 'hull_fffe']);
    const found = await leftBehind(before, folder, 0);
    expect(found).toEqual(
      expect.arrayContaining([`mount ${target} (tmpfs)`, 'link hull-fffe', 'nft table inet hull_fffe']),
    );
  } finally {
    for (const [program, ...args] of undo) must(program, ...args);
  }
  expect([...hostThings(folder)].filter((thing) => thing.includes('fffe') || thing.includes(target))).toEqual(
    [],
  );
});
