import { afterEach, beforeEach, expect, test } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataFolders } from './data-folders.ts';
import { SetAside } from './set-aside.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'hull-aside-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function store(): { folders: DataFolders; aside: SetAside } {
  const folders = new DataFolders({ tag: '', dataDir: join(folder, 'data'), runDir: join(folder, 'run') });
  folders.make();
  return { folders, aside: new SetAside(folders, { discard: (path) => rmSync(path, { recursive: true }) }) };
}

test('what is set aside is moved whole, and two of one name at one moment both stay', async () => {
  const { folders, aside } = store();
  const now = new Date('2026-01-02T03:04:05.678Z');
  const taken = ['first', 'second'].map((text) => {
    mkdirSync(join(folders.layers, 'abcde'));
    writeFileSync(join(folders.layers, 'abcde/file'), text);
    return aside.take(join(folders.layers, 'abcde'), 'layers', now);
  });
  expect(taken[0]).toBe(join(folder, 'data/set-aside/2026-01-02T03.04.05/layers/abcde'));
  expect(taken.map((path) => readFileSync(join(path, 'file'), 'utf8'))).toEqual(['first', 'second']);
  expect(
    aside
      .list()
      .map(({ path }) => path)
      .toSorted(),
  ).toEqual(taken.toSorted());
  for (const entry of aside.list()) aside.discard(entry);
  expect(taken.some((path) => existsSync(path))).toBe(false);
  expect(aside.list()).toEqual([]);
});
