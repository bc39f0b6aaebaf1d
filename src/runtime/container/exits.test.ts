import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExitFolder } from './exits.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'hull-exits-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('of many exits at the same moment none is missed', async () => {
  const exits = new ExitFolder(folder);
  const ids = Array.from({ length: 300 }, (_, index) => `id${index}`);
  const arrived = Promise.all(ids.map((id) => new Promise<void>((resolve) => exits.expect(id, resolve))));
  // As conmon writes them: a temporary file, then its name.
  for (const [index, id] of ids.entries()) {
    writeFileSync(join(folder, `${id}.TMP`), String(index % 256));
    renameSync(join(folder, `${id}.TMP`), join(folder, id));
  }
  await Promise.race([arrived, Bun.sleep(3000).then(() => Promise.reject(new Error('an exit was missed')))]);
  expect(exits.read('id7')?.code).toBe(7);
});

test('an exit that is there already is told at once, and forgotten ones are not told', async () => {
  const exits = new ExitFolder(folder);
  writeFileSync(join(folder, 'early'), '3');
  let told = 0;
  exits.expect('early', () => (told += 1));
  expect(told).toBe(1);
  exits.expect('late', () => (told += 1))();
  writeFileSync(join(folder, 'late'), '3');
  await Bun.sleep(30);
  expect(told).toBe(1);
});
