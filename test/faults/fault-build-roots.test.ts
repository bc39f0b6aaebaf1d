import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FaultPlan, withFaults } from '../../src/host/faults.ts';
import { packTar } from '../../src/lib/tar/archive.ts';
import type { LayerInfo } from '../../src/model/image.ts';
import { file, host, makeStore, type TestStore } from '../integration/support/store.ts';
import { until } from '../support/until.ts';

/** Calls in a row that fail: what goes on until the plan is another. */
const ALL = 1_000_000;

let store: TestStore;
let base: LayerInfo;
let serial = 0;
const plan = (change: Partial<FaultPlan>): void =>
  writeFileSync(
    join(store.folder, 'plan'),
    JSON.stringify({ call: 0, times: 1, errno: 'ENOMEM', when: 'before', ...change, serial: ++serial }),
  );

beforeEach(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hull-build-roots-'));
  store = await makeStore(folder, withFaults(host, join(folder, 'plan')));
  base = await store.storage.layers.importTar({ stream: packTar([file('a', 'a')]) });
});
afterEach(async () => {
  plan({});
  await store.storage.end();
  await store.destroy();
});

const mounts = (): string[] =>
  host.mounts.list().flatMap(({ target }) => (target.startsWith(`${store.folder}/`) ? [target] : []));
const points = (): string[] => readdirSync(join(store.identity.runDir, 'build'));
const found = async (): Promise<string[]> =>
  (await store.storage.roots.inventory(new Set())).map(({ kind }) => kind);
const gone = (): Promise<true> =>
  until('the root is gone', async () => (points().length === 0 ? true : null));
const step = (): Promise<unknown> =>
  store.storage.roots.withWritableLayers([base], async ({ path }) => {
    await Bun.write(join(path, 'new'), 'n');
    // From the unmounting on.
    plan({ call: 1, times: 2 });
  });

test('a build step whose root stays mounted fails, is found, and its root is unmounted later', async () => {
  await expect(step()).rejects.toThrow('injected');
  expect([mounts().length, await found()]).toEqual([1, ['mount']]);
  await gone();
  expect([mounts(), await found()]).toEqual([[], []]);
  const { layer } = await store.storage.roots.withWritableLayers([base], async ({ path }) => {
    await Bun.write(join(path, 'new'), 'n');
  });
  expect(layer).not.toBeNull();
});

test('what has been read stays read, and the error of a step is the one that is told', async () => {
  const read = store.storage.roots.withReadOnlyLayers([base], async (path) => {
    plan({ call: 1 });
    return await Bun.file(join(path, 'a')).text();
  });
  expect(await read).toBe('a');
  expect(mounts()).toHaveLength(1);
  await gone();
  const failed = store.storage.roots.withWritableLayers([base], () => {
    plan({ call: 1 });
    return Promise.reject(new Error('the step’s own'));
  });
  await expect(failed).rejects.toThrow('the step’s own');
  await gone();
  expect(mounts()).toEqual([]);
});

test('a mount whose success is not heard of is undone', async () => {
  plan({ call: 1, when: 'after' });
  const attempt = store.storage.roots.withReadOnlyLayers([base], () => Promise.resolve('used'));
  await expect(attempt).rejects.toThrow('injected');
  expect([mounts(), points(), await found()]).toEqual([[], [], []]);
});

test('one that was removed as a leftover meanwhile is done with', async () => {
  await expect(step()).rejects.toThrow('injected');
  plan({});
  for (const leftover of await store.storage.roots.inventory(new Set())) await leftover.remove();
  await Bun.sleep(1200);
  expect([mounts(), await found()]).toEqual([[], []]);
  await store.storage.layers.remove([base.diffId]);
  expect(store.storage.layers.find(base.diffId)).toBeNull();
});

test('the daemon’s end unmounts what is left', async () => {
  const attempt = store.storage.roots.withWritableLayers([base], () => {
    plan({ call: 1, times: ALL });
    return Promise.resolve();
  });
  await expect(attempt).rejects.toThrow('injected');
  expect(mounts()).toHaveLength(1);
  plan({});
  await store.storage.end();
  expect([mounts(), points()]).toEqual([[], []]);
});
