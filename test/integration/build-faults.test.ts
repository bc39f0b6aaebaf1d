import { afterEach, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost } from '../../src/host/index.ts';
import { STEP_ID_PREFIX } from '../../src/build/runtime-step-runner.ts';
import { isHullError } from '../../src/model/errors.ts';
import { testIdentity } from '../support/identity.ts';
import { BuildBench } from './build/bench.ts';

const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
}, 60_000);

const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  const error: unknown = await promise.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  );
  if (isHullError(error)) return error.code;
  throw error instanceof Error ? error : new Error(String(error));
};

/** An engine of its own on a disk of 24 MiB. */
async function smallDisk(): Promise<BuildBench> {
  const host = createHost();
  const data = mkdtempSync(join(tmpdir(), 'hull-small-'));
  host.mounts.mount('tmpfs', data, 'tmpfs', 'size=24m');
  undo.push(async () => {
    await host.mounts.unmount(data);
    rmSync(data, { recursive: true });
  });
  const bench = new BuildBench(data);
  undo.push(() => bench.stop());
  await bench.start();
  return bench;
}

test('a full disk is told as such, leaves nothing, and is no obstacle afterwards', async () => {
  const bench = await smallDisk();
  const before = (await bench.host.files.space(bench.identity.dataDir)).free;
  const fill = 'FROM base\nRUN dd if=/dev/zero of=/big bs=1M count=64';
  expect(await codeOf(bench.build({ Dockerfile: fill }))).toBe('no-space');
  const large = { header: { name: '', type: 'file' as const }, body: new Uint8Array(40 * 1024 * 1024) };
  expect(await codeOf(bench.build({ Dockerfile: 'FROM base\nCOPY large /', large }))).toBe('no-space');
  const half = { ...large, body: new Uint8Array(12 * 1024 * 1024) };
  expect(await codeOf(bench.build({ Dockerfile: 'FROM base\nCOPY half /', half }))).toBe('no-space');
  expect(await bench.leftovers()).toEqual([]);
  const after = (await bench.host.files.space(bench.identity.dataDir)).free;
  expect(before - after).toBeLessThan(1024 * 1024);
  expect(bench.images.list()).toHaveLength(1);
  await bench.build({ Dockerfile: 'FROM base\nRUN echo fits >/small' });
}, 60_000);

test('a daemon killed in the middle of a step leaves what the next one recognises and removes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hull-killed-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'data'));
  const { tag } = testIdentity(folder);
  const child = Bun.spawn([process.execPath, join(import.meta.dir, 'build/killed.ts'), folder, tag], {
    stdout: 'pipe',
    env: { ...process.env, TMPDIR: folder },
    stderr: 'inherit',
  });
  for await (const chunk of child.stdout) {
    if (Buffer.from(chunk).toString().includes('running')) break;
  }
  child.kill('SIGKILL');
  await child.exited;

  const bench = new BuildBench(join(folder, 'data'), { runDir: join(folder, 'run'), tag });
  undo.push(() => bench.stop());
  const left = [...(await bench.runtime.inventory()), ...bench.builder.inventory()];
  expect(bench.builder.inventory()).toHaveLength(1);
  expect(left.length).toBeGreaterThan(0);
  expect(left.every(({ owner }) => owner?.startsWith(STEP_ID_PREFIX) === true)).toBe(true);
  for (const leftover of left) await leftover.remove();
  await bench.storage.start();
  await bench.network.start(new Map());
  expect([...(await bench.leftovers()), ...bench.builder.inventory()]).toEqual([]);
  expect(bench.images.list()).toHaveLength(1);
  expect(readdirSync(join(folder, 'data', 'tmp'))).toEqual([]);
  await bench.build({ Dockerfile: 'FROM base\nRUN true' });
}, 60_000);
