import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createHost } from '../host/index.ts';
import { isHullError } from '../model/errors.ts';
import { releaseTag, tagOf } from './engine-tag.ts';
import { DaemonFolders } from './folders.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'hull-folders-'))));
afterEach(() => {
  releaseTag(tagOf(options().data));
  rmSync(folder, { recursive: true, force: true });
});
const options = () => ({ data: join(folder, 'data'), run: join(folder, 'run') });

test('a second daemon is refused, and named the first', async () => {
  const first = await DaemonFolders.open(options());
  const refusal = DaemonFolders.open(options());
  expect(refusal).rejects.toThrow(`another hull daemon (process ${process.pid})`);
  await refusal.catch(() => undefined);
  first.close();
  (await DaemonFolders.open(options())).close();
});

test('a daemon that is killed gives its folders back at once', async () => {
  const script = `
    import { DaemonFolders } from ${JSON.stringify(join(import.meta.dir, 'folders.ts'))};
    await DaemonFolders.open(${JSON.stringify(options())});
    console.log('held');
    setInterval(() => undefined, 1000);`;
  const child = createHost().exec.spawn([process.execPath, '-e', script], { stdout: 'pipe' });
  for await (const _ of child.stdout ?? []) break;
  child.kill('SIGKILL');
  (await DaemonFolders.open(options())).close();
  expect(await child.exited).toBe(137);
});

test.each([
  ['same', 'same'],
  ['outer', 'outer/inner'],
  ['outer/inner', 'outer'],
])('data %p and run %p are refused', async (data, run) => {
  const nested = DaemonFolders.open({ data: join(folder, data), run: join(folder, run) });
  expect(nested).rejects.toThrow('must not be equal or inside each other');
  await nested.catch(() => undefined);
});

test('a run folder that is too deep for sockets is refused', async () => {
  const deep = DaemonFolders.open({ data: join(folder, 'data'), run: join(folder, 'r'.repeat(60)) });
  expect(deep).rejects.toThrow('too deep');
  await deep.catch(() => undefined);
});

test('a folder of an older version is taken over with the id that it had', async () => {
  const { data } = options();
  mkdirSync(data);
  writeFileSync(join(data, 'engine-id'), '7f9c24e5-2d4a-4f43-9a3b-0d5d4ed1a001\n');
  const folders = await DaemonFolders.open(options());
  expect(folders.engineId).toBe('7f9c24e5-2d4a-4f43-9a3b-0d5d4ed1a001');
  folders.close();
  expect((await DaemonFolders.open(options())).engineId).toBe(folders.engineId);
});

test('a run folder without a mark is taken when all in it is of the data folder’s instances', async () => {
  const { data, run } = options();
  mkdirSync(join(data, 'instances', 'a'.repeat(64)), { recursive: true });
  writeFileSync(join(data, 'hull.db'), 'not looked at here');
  mkdirSync(join(run, 'i', 'a'.repeat(16)), { recursive: true });
  (await DaemonFolders.open(options())).close();
  rmSync(join(run, 'engine.json'));
  mkdirSync(join(run, 'rootfs', 'b'.repeat(64)), { recursive: true });
  const refused = DaemonFolders.open(options());
  expect(refused).rejects.toThrow(expect.objectContaining({ code: 'engine-mismatch' }));
  await refused.catch(() => undefined);
});

test('a mark that is damaged is told as such, whatever it holds', async () => {
  const { data } = options();
  (await DaemonFolders.open(options())).close();
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.json(), fc.string(), fc.constant('{"format":1}')), async (text) => {
      writeFileSync(join(data, 'engine.json'), text);
      const opened = await DaemonFolders.open(options()).catch((error: unknown) => error);
      if (opened instanceof DaemonFolders) opened.close();
      return isHullError(opened, 'state-corrupt') || isHullError(opened, 'not-supported');
    }),
    { numRuns: 100 },
  );
});
