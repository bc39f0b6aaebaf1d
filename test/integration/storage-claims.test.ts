import { afterEach, beforeEach, expect, test } from 'bun:test';
import { setImmediate } from 'node:timers/promises';
import { LayerHolds } from '../../src/lib/layer-holds.ts';
import { packTar } from '../../src/lib/tar/archive.ts';
import type { LayerInfo } from '../../src/model/image.ts';
import { file, makeStore, type TestStore } from './support/store.ts';

let store: TestStore;
beforeEach(async () => {
  store = await makeStore();
});
afterEach(async () => await store.destroy());

test('layers that are found or made again are held before a removal that waits can take them', async () => {
  const { layers } = store.storage;
  const importFiles = (files: Record<string, string>, claims?: LayerHolds): Promise<LayerInfo> =>
    layers.importTar(
      { stream: packTar(Object.entries(files).map(([name, text]) => file(name, text))) },
      claims,
    );
  for (const files of [{ a: '1' }, { a: '2' }]) {
    const { diffId } = await importFiles(files);
    using holds = new LayerHolds(layers);
    const wanted = new AbortController();
    const removals = (async () => {
      for (; !wanted.signal.aborted; await setImmediate()) await layers.remove([diffId]);
    })();
    const found = await importFiles(files, holds);
    wanted.abort();
    await removals;
    await layers.remove([diffId]);
    expect(layers.find(diffId)).toEqual(found);
  }
});
