import { afterEach, beforeEach, expect, test } from 'bun:test';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repairImage } from '../../src/images/repair.ts';
import { validate } from '../../src/images/validate.ts';
import { hexOf } from '../../src/lib/digest.ts';
import { packTar } from '../../src/lib/tar/archive.ts';
import type { Digest, Image, LayerInfo } from '../../src/model/image.ts';
import { buildCacheRepository } from '../../src/state/build-cache.ts';
import { file, folderMember, makeStore, type TestStore } from './support/store.ts';

let store: TestStore;
let image: Image;
beforeEach(async () => {
  store = await makeStore();
  image = await commit(await made(), await importFrom(FOREIGN));
});
afterEach(async () => await store.destroy());

/** In an order that our own archiver would not choose. */
const FOREIGN = ['z', 'a'];
const importFrom = (names: readonly string[]): Promise<LayerInfo> =>
  store.storage.layers.importTar({ stream: packTar(names.map((name) => file(name, name))) });
const commit = (...layers: LayerInfo[]): Promise<Image> =>
  store.images.commit({ architecture: 'amd64', os: 'linux' }, layers, ['test:1']);

/** A layer made by a step, with what only overlayfs knows: a file that is taken away, a folder that is replaced. */
async function made(): Promise<LayerInfo> {
  const below = await store.storage.layers.importTar({
    stream: packTar([file('gone', 'x'), folderMember('replaced'), file('replaced/old', 'x')]),
  });
  const { layer } = await store.storage.roots.withWritableLayers([below], async ({ path }) => {
    rmSync(join(path, 'gone'));
    rmSync(join(path, 'replaced'), { recursive: true });
    await Bun.write(join(path, 'replaced/new'), 'new');
  });
  if (layer === null) throw new Error('the step changed nothing');
  return layer;
}

const blobPath = (digest: Digest): string => join(store.identity.dataDir, 'blobs/sha256', hexOf(digest));
const [STEP, FOREIGN_LAYER] = [0, 1];
const layer = (index: number): LayerInfo => {
  const found = image.layers[index];
  if (found === undefined) throw new Error('no such layer');
  return found;
};
const parts = () => ({ ...store.storage });
const problems = () => validate(image, parts(), { deep: true });
const repair = () => repairImage(image, parts());

test('nothing is done to a whole image', async () => {
  expect([await problems(), await repair()]).toEqual([[], []]);
});

test.each(['missing', 'corrupt'])(
  'a %s blob is written again from its layer, the same to the bit',
  async (how) => {
    const path = blobPath(layer(STEP).blob.digest);
    const before = readFileSync(path);
    if (how === 'missing') rmSync(path);
    else writeFileSync(path, Buffer.alloc(before.length));
    expect(await problems()).toHaveLength(1);
    expect(await repair()).toEqual([expect.stringContaining('was written again from the unpacked layer')]);
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(await problems()).toEqual([]);
  },
);

test('a layer’s folder is unpacked again from its blob, with its marks', async () => {
  const { diffId } = layer(STEP);
  rmSync(store.storage.layers.path(diffId), { recursive: true });
  expect(await problems()).toEqual([`the unpacked layer ${diffId} is missing`]);
  expect(await repair()).toEqual([`the layer ${diffId} was unpacked again from its blob`]);
  expect(await problems()).toEqual([]);
  // Archived, it is the layer that it was.
  rmSync(blobPath(layer(STEP).blob.digest));
  expect(await repair()).toHaveLength(1);
  expect(await problems()).toEqual([]);
});

test('what cannot be made again is left and told; the same import heals it', async () => {
  const { blob, diffId } = layer(FOREIGN_LAYER);
  rmSync(blobPath(blob.digest));
  expect(await repair()).toEqual([]);
  expect(await problems()).toHaveLength(1);
  expect(readdirSync(store.storage.layers.path(diffId))).toHaveLength(2);
  await importFrom(FOREIGN);
  expect(await problems()).toEqual([]);
  rmSync(blobPath(blob.digest));
  rmSync(store.storage.layers.path(diffId), { recursive: true });
  expect(await repair()).toEqual([]);
  await importFrom(FOREIGN);
  expect(await problems()).toEqual([]);
});

test('a blob that is another archive than its name says is not unpacked', async () => {
  const { diffId, blob } = layer(STEP);
  rmSync(store.storage.layers.path(diffId), { recursive: true });
  writeFileSync(blobPath(blob.digest), readFileSync(blobPath(layer(FOREIGN_LAYER).blob.digest)));
  expect(await repair()).toEqual([]);
  expect(store.storage.layers.isUnpacked(diffId)).toBe(false);
  expect(readdirSync(join(store.identity.dataDir, 'tmp'))).toEqual([]);
});

test('documents come back from their records, and by the same commit', async () => {
  rmSync(blobPath(image.manifestDigest));
  writeFileSync(blobPath(image.id), 'nonsense');
  expect(await repair()).toEqual([
    'the manifest was written again from its record',
    'the configuration was written again from its record',
  ]);
  expect(await problems()).toEqual([]);
  rmSync(blobPath(image.id));
  await commit(...image.layers);
  expect(await problems()).toEqual([]);
});

test('pruning takes what no image uses but what is to be kept, and the blobs with it', async () => {
  const cached = await importFrom(['cached']);
  const orphan = await importFrom(['orphan']);
  const cache = buildCacheRepository(store.database);
  const [step, kept] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`] as const;
  cache.save(step, { diffId: cached.diffId, createdAt: 1 });
  cache.save(kept, { diffId: layer(STEP).diffId, createdAt: 1 });
  const loose = await store.storage.content.put('named by nobody');
  const gone = await store.images.prune(cache.layers());
  expect(gone.map(({ diffId }) => diffId)).toContain(orphan.diffId);
  expect(store.storage.content.find(loose.digest)).toBeNull();
  expect(store.storage.layers.find(cached.diffId)).toEqual(cached);
  expect((await store.images.prune(new Set())).map(({ diffId }) => diffId)).toEqual([cached.diffId]);
  cache.prune();
  expect([cache.find(step), cache.find(kept) === null]).toEqual([null, false]);
  cache.forget([kept]);
  expect(cache.find(kept)).toBeNull();
  const files = readdirSync(join(store.identity.dataDir, 'blobs/sha256'));
  expect(files).toHaveLength(image.layers.length + 2);
  expect(readdirSync(join(store.identity.dataDir, 'l'))).toHaveLength(image.layers.length);
  expect(await problems()).toEqual([]);
});

test('an image that is removed while the same is committed again: the commit says that its layer is gone', async () => {
  for (let round = 0; round < 3; round++) {
    const again = await commit(await importFrom(['raced']), layer(STEP));
    const [removed, committed] = await Promise.allSettled([
      store.images.remove(again.id),
      commit(...again.layers),
    ]);
    expect(removed?.status).toBe('fulfilled');
    expect(committed).toMatchObject({ status: 'rejected', reason: { code: 'state-corrupt' } });
    expect(store.images.find(again.id)).toBeNull();
    await store.images.prune(new Set());
  }
  expect(await problems()).toEqual([]);
});
