import { afterEach, beforeEach, expect, test } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost } from '../host/index.ts';
import { selfCommand } from '../host/self.ts';
import { makeDeepTree } from '../host/testing/deep-tree.ts';
import { DataFolders } from './data-folders.ts';
import { Removals } from './removals.ts';

let root = '';
let folders: DataFolders;
const said: string[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hull-removals-'));
  folders = new DataFolders({ tag: 'abcd', dataDir: join(root, 'data'), runDir: join(root, 'run') });
  folders.make();
  said.length = 0;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const started: string[][] = [];
function removals(): Removals {
  const host = createHost();
  const spawn: typeof host.exec.spawn = (command, options) => {
    started.push([...command]);
    return host.exec.spawn(command, options);
  };
  started.length = 0;
  return new Removals({
    host: { exec: { ...host.exec, spawn } },
    folders,
    self: selfCommand(),
    log: (message) => void said.push(message),
  });
}
const left = (): string[] => readdirSync(folders.removing);

test('little is gone at once, and no process is started for it', async () => {
  const tree = join(root, 'data/instances/one');
  mkdirSync(join(tree, 'upper/etc'), { recursive: true });
  writeFileSync(join(tree, 'upper/etc/x'), 'x');
  const one = removals();
  one.discard(tree);
  one.discard(join(root, 'data/instances/never was'));
  expect([existsSync(tree), left()]).toEqual([false, []]);
  await one.settled();
  expect(started).toEqual([]);
});

test('much is out of sight at once, and a single process deletes it', async () => {
  const one = removals();
  const trees = ['a', 'b'].map((name) => join(root, 'data/instances', name));
  for (const tree of trees) {
    makeDeepTree(tree, 500);
    one.discard(tree);
  }
  expect([...trees.map((tree) => existsSync(tree)), left().length]).toEqual([false, false, 2]);
  await one.settled();
  expect(left()).toEqual([]);
  expect(started.map((command) => command.slice(-3))).toEqual([['internal', 'remove', folders.removing]]);
  expect(started[0]?.slice(0, 3)).toEqual(['nice', '-n', '19']);
  expect(said).toEqual([]);
});

test('what one that was closed has left, the next one deletes', async () => {
  const first = removals();
  makeDeepTree(join(root, 'data/instances/a'), 500);
  first.discard(join(root, 'data/instances/a'));
  await first.close();
  await first.settled();
  expect(left().length).toBe(1);
  const second = removals();
  second.start();
  expect(left().length).toBe(1);
  await second.settled();
  expect(left()).toEqual([]);
});

test('what cannot be deleted is told', async () => {
  const host = createHost();
  const tree = join(root, 'data/instances/a');
  makeDeepTree(tree, 20);
  const one = removals();
  one.discard(tree);
  const place = join(folders.removing, left()[0] ?? '', 'd/place');
  mkdirSync(place);
  host.mounts.bind(root, place);
  try {
    await one.settled();
    expect(said.join()).toContain('place: EBUSY');
  } finally {
    await host.mounts.unmount(place);
  }
});
