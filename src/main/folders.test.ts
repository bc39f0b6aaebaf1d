import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost } from '../host/index.ts';
import { DaemonFolders } from './folders.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'hull-folders-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));
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
