import { afterEach, beforeEach, expect, test } from 'bun:test';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { validate } from '../../src/images/validate.ts';
import { hexOf } from '../../src/lib/digest.ts';
import { packTar } from '../../src/lib/tar/archive.ts';
import type { Digest, Image, LayerInfo } from '../../src/model/image.ts';
import { file, makeStore, type TestStore } from './support/store.ts';

let store: TestStore;
beforeEach(async () => {
  store = await makeStore();
});
afterEach(async () => await store.destroy());

const layerOf = (name: string): Promise<LayerInfo> =>
  store.storage.layers.importTar({ stream: packTar([file(name, name.repeat(50))]) });
const commit = (layers: LayerInfo[], references: string[], note = ''): Promise<Image> =>
  store.images.commit(
    {
      architecture: 'amd64',
      os: 'linux',
      config: { Cmd: ['sh', note] },
      history: layers.map((_, index) => ({ created_by: `step ${index}` })),
    },
    layers,
    references,
  );
const blobPath = (digest: Digest) => join(store.identity.dataDir, 'blobs/sha256', hexOf(digest));
const problems = (image: Image, deep = true) =>
  validate(image, { ...store.storage, uncompressedDigest: store.storage.uncompressedDigest }, { deep });

test('an image is found by every name it has, and by its digests', async () => {
  const image = await commit([await layerOf('a')], ['app', 'localhost:5000/team/app:v1']);
  expect(image.references).toEqual(['docker.io/library/app:latest', 'localhost:5000/team/app:v1']);
  const names = [
    'app',
    'app:latest',
    'docker.io/library/app',
    'localhost:5000/team/app:v1',
    image.id,
    hexOf(image.id),
    hexOf(image.id).slice(0, 12),
    image.id.slice(0, 20),
    `app@${image.manifestDigest}`,
    image.manifestDigest,
  ];
  for (const name of names) expect(store.images.find(name)).toEqual(image);
  expect(
    ['app:v1', 'other', 'Not A Reference', 'sha256:12zz'].map((name) => store.images.find(name)),
  ).toEqual([null, null, null, null]);
  expect(() => store.images.get('other')).toThrow(expect.objectContaining({ code: 'image-not-found' }));
  expect(await problems(image)).toEqual([]);
});

test('the same image committed again is one; a reference moves to the new one', async () => {
  const layer = await layerOf('a');
  const one = await commit([layer], ['app']);
  expect((await commit([layer], ['app'])).id).toBe(one.id);
  const two = await commit([layer], ['app'], 'changed');
  expect(store.images.get('app').id).toBe(two.id);
  expect(store.images.get(one.id).references).toEqual([]);
  expect(
    store.images
      .list()
      .map((image) => image.id)
      .toSorted(),
  ).toEqual([one.id, two.id].toSorted());
});

test('tags come and go', async () => {
  const image = await commit([await layerOf('a')], ['app']);
  store.images.tag(image.id, 'other:2');
  store.images.untag('app');
  expect(store.images.get('other:2').references).toEqual(['docker.io/library/other:2']);
  expect(store.images.find('app')).toBeNull();
  expect(() => store.images.tag(image.id, 'UPPER')).toThrow(
    expect.objectContaining({ code: 'invalid-reference' }),
  );
});

test('an image takes along what nothing else uses, and only that', async () => {
  const [shared, own] = [await layerOf('shared'), await layerOf('own')];
  const one = await commit([shared, own], ['one']);
  const two = await commit([shared], ['two']);
  expect(await store.images.remove(one.id)).toEqual([one.id, own.diffId]);
  expect(store.storage.layers.find(own.diffId)).toBeNull();
  expect(await problems(two)).toEqual([]);
  await store.images.remove(two.id);
  expect([store.repositories.blobs.list(), store.repositories.layers.list(), store.images.list()]).toEqual([
    [],
    [],
    [],
  ]);
});

test('images survive a new daemon', async () => {
  const image = await commit([await layerOf('a'), await layerOf('b')], ['app']);
  store = await store.reopen();
  expect(store.images.get('app')).toEqual(image);
  expect(await problems(image)).toEqual([]);
});

test('an image cannot be made from a layer that is gone', async () => {
  const layer = await layerOf('a');
  await store.storage.layers.remove([layer.diffId]);
  await expect(commit([layer], ['app'])).rejects.toMatchObject({ code: 'state-corrupt' });
  expect(store.images.find('app')).toBeNull();
});

test('damage is found: missing, changed and exchanged blobs, lost layers, false history', async () => {
  const layers = [await layerOf('a'), await layerOf('b')];
  const image = await commit(layers, ['app']);
  const [first] = layers;
  if (first === undefined) throw new Error('no layer');
  writeFileSync(blobPath(first.blob.digest), Buffer.alloc(first.blob.size));
  expect(await problems(image, false)).toEqual([]);
  expect((await problems(image)).join()).toContain('is corrupt');
  rmSync(blobPath(first.blob.digest));
  expect((await problems(image, false)).join()).toContain('is missing');
  writeFileSync(blobPath(image.id), '{}');
  expect((await problems(image, false)).join()).toContain('the configuration: the blob');
  const liar = await store.images.commit(
    { architecture: 'amd64', os: 'linux', history: [{}, {}, {}] },
    layers,
    [],
  );
  expect(await problems(liar, false)).toContain('the history speaks of 3 layers, the image has 2');
  store.database.run('DELETE FROM image_layers');
  store.database.run('DELETE FROM layers WHERE diff_id = ?', first.diffId);
  expect((await problems(store.images.get('app'), false)).join()).toContain('is not in the store');
});

test('a short id that fits two images is refused', async () => {
  const layer = await layerOf('a');
  const seen = new Map<string, string>();
  for (let index = 0; ; index++) {
    const { id } = await commit([layer], [], String(index));
    const digit = hexOf(id).slice(0, 1);
    if (seen.has(digit)) {
      expect(() => store.images.find(digit)).toThrow(expect.objectContaining({ code: 'ambiguous-id' }));
      return;
    }
    seen.set(digit, id);
  }
});
