import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDeepTree } from './testing/deep-tree.ts';
import { TreeRemover } from './tree-removal.ts';

let base = '';
let folder = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'hull-remove-'));
  folder = join(base, 'gone');
  mkdirSync(folder);
});
afterEach(() => {
  new TreeRemover().empty(base);
  rmSync(base, { recursive: true, force: true });
});

function emptied(): string[] {
  const remover = new TreeRemover();
  expect(remover.empty(folder)).toBe(remover.failures.length === 0);
  return readdirSync(folder);
}

const run = (...command: string[]): number => spawnSync(command[0] ?? '', command.slice(1)).status ?? -1;

describe('everything goes', () => {
  test('however deep', () => {
    makeDeepTree(folder, 1500, { beside: 'z' });
    makeDeepTree(join(folder, 'long'), 100, { name: 'n'.repeat(255) });
    expect(emptied()).toEqual([]);
  }, 60_000);

  test('in time that grows with the tree, not with its depth', () => {
    const spent = (depth: number): number => {
      makeDeepTree(folder, depth);
      const before = process.cpuUsage();
      expect(emptied()).toEqual([]);
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    spent(150);
    const little = spent(150);
    // Walking from the top for each folder takes a hundred times as long for ten times as many.
    expect(spent(1500)).toBeLessThan(40 * little + 200_000);
  }, 60_000);

  test('many, odd names, every kind of file', async () => {
    for (let i = 0; i < 1000; i += 1) writeFileSync(join(folder, `file ${i}`), '');
    for (const name of ['n'.repeat(255), '-rf', ' ', '*', 'new\nline', '\u{1f600}'])
      writeFileSync(join(folder, name), 'x');
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe, 0x80])]), 'x');
    linkSync(join(folder, '-rf'), join(folder, 'other name'));
    mkdirSync(join(folder, 'closed', 'below'), { recursive: true });
    expect(run('mkfifo', join(folder, 'fifo'))).toBe(0);
    expect(run('mknod', join(folder, 'whiteout'), 'c', '0', '0')).toBe(0);
    expect(run('mknod', join(folder, 'disk'), 'b', '7', '200')).toBe(0);
    const server = createServer().listen(join(folder, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    expect(emptied()).toEqual([]);
    server.close();
  });

  test('what chattr locked, and moving it', () => {
    const tree = join(base, 'tree');
    mkdirSync(join(tree, 'in'), { recursive: true });
    writeFileSync(join(tree, 'in/locked'), 'x');
    writeFileSync(join(tree, 'in/growing'), 'x');
    if (run('chattr', '+i', join(tree, 'in/locked')) !== 0) return;
    run('chattr', '+a', join(tree, 'in/growing'));
    run('chattr', '+i', join(tree, 'in'), tree);
    expect(() => rmSync(join(tree, 'in'), { recursive: true })).toThrow();
    expect(new TreeRemover().move(tree, join(folder, 'moved'))).toBe(true);
    expect(emptied()).toEqual([]);
  });
});

test('links lead nowhere', () => {
  writeFileSync(join(base, 'kept'), 'mine');
  symlinkSync(base, join(folder, 'up'));
  symlinkSync(join(base, 'kept'), join(folder, 'file'));
  expect(emptied()).toEqual([]);
  expect(readFileSync(join(base, 'kept'), 'utf8')).toBe('mine');
});

test('nothing is deleted through a mount, not even one of the same filesystem; the rest goes', () => {
  const kept = join(base, 'kept');
  mkdirSync(kept);
  writeFileSync(join(kept, 'data'), 'mine');
  const place = join(folder, 'a/b/place');
  mkdirSync(place, { recursive: true });
  writeFileSync(join(folder, 'a/other'), 'x');
  expect(run('mount', '--bind', kept, place)).toBe(0);
  try {
    const remover = new TreeRemover();
    expect(remover.empty(folder)).toBe(false);
    expect(String(remover.failures)).toContain('place: EBUSY');
    expect(readFileSync(join(kept, 'data'), 'utf8')).toBe('mine');
    expect(existsSync(join(folder, 'a/other'))).toBe(false);
  } finally {
    run('umount', place);
  }
  expect(emptied()).toEqual([]);
});

describe('a little', () => {
  const little = (entries: number): boolean => new TreeRemover().removeLittle(folder, entries);

  test('goes at once, and so does nothing', () => {
    mkdirSync(join(folder, 'a/b'), { recursive: true });
    writeFileSync(join(folder, 'a/file'), 'x');
    expect(little(10)).toBe(true);
    expect(existsSync(folder)).toBe(false);
    expect(little(10)).toBe(true);
  });

  test('is not many files, nor deep ones, nor a large one', () => {
    for (let i = 0; i < 50; i += 1) writeFileSync(join(folder, String(i)), '');
    expect(little(20)).toBe(false);
    expect(readdirSync(folder).length).toBeGreaterThan(20);
    emptied();
    makeDeepTree(folder, 20);
    expect(little(100)).toBe(false);
    emptied();
    writeFileSync(join(folder, 'large'), Buffer.alloc(20 * 1024 ** 2, 1));
    expect(little(100)).toBe(false);
    truncateSync(join(folder, 'large'), 0);
    expect(little(100)).toBe(true);
  });
});
