import { afterEach, beforeEach, expect, test } from 'bun:test';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LongPaths } from './long-paths.ts';
import { makeDeepTree } from './testing/deep-tree.ts';
import { TreeRemover } from './tree-removal.ts';

const DEPTH = 700;
const before = process.cwd();
let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hull-long-'));
  makeDeepTree(root, DEPTH, { name: 'abcdef', beside: 'z' });
});
afterEach(() => {
  process.chdir(before);
  new TreeRemover().empty(root);
  rmSync(root, { recursive: true });
});

const folder = (depth: number): string => root + '/abcdef'.repeat(depth);
const descriptors = (): number => readdirSync('/proc/self/fd').length;

test('every file is reached, down, up, and out of turn', () => {
  const paths = new LongPaths();
  expect(() => lstatSync(`${folder(DEPTH)}`)).toThrow('ENAMETOOLONG');
  const depths = [...Array(DEPTH + 1).keys()];
  const orders = [depths, depths.toReversed(), [DEPTH, 3, 500, 400, 699, 0, 600, 1]];
  // The deepest folder has no file.
  for (const order of orders)
    for (const depth of order) {
      expect(lstatSync(paths.near(folder(depth))).isDirectory()).toBe(true);
      expect(lstatSync(paths.near(`${folder(depth)}/z`), { throwIfNoEntry: false })?.isFile()).toBe(
        depth < DEPTH ? true : undefined,
      );
    }
});

test('a bounded number of folders is open, and none once they are forgotten', () => {
  const few = descriptors();
  const paths = new LongPaths();
  paths.near(`${folder(DEPTH)}/z`);
  expect(descriptors() - few).toBeLessThan(265);
  paths.forget();
  expect(descriptors()).toBe(few);
});

test('what is not there is told as by open(2), and the next is found', () => {
  const paths = new LongPaths();
  expect(() => paths.near(`${folder(DEPTH)}/not/there`)).toThrow('ENOENT');
  expect(() => paths.near(`${folder(650)}/z/there`)).toThrow('ENOTDIR');
  expect(readFileSync(paths.near(`${folder(650)}/z`), 'utf8')).toBe('');
});

test('several are used in turns', () => {
  const [one, two] = [new LongPaths(), new LongPaths()];
  for (let depth = 300; depth < 400; depth += 1) {
    expect(lstatSync(one.near(`${folder(depth)}/z`)).isFile()).toBe(true);
    expect(lstatSync(two.near(`${folder(DEPTH - depth)}/z`)).isFile()).toBe(true);
  }
});
