import { afterEach, beforeEach, expect, test } from 'bun:test';
import { EventBus } from '../../src/engine/events.ts';
import { ImageService } from '../../src/engine/images/images.ts';
import { Registry } from '../../src/engine/instances/registry.ts';
import type { Image } from '../../src/model/image.ts';
import { familiarReference, normalizeReference } from '../../src/model/reference.ts';
import { buildCacheRepository } from '../../src/state/build-cache.ts';
import { makeStore, type TestStore } from './support/store.ts';

let store: TestStore;
let images: ImageService;
beforeEach(async () => {
  store = await makeStore();
  const unused = (): never => {
    throw new Error('not in this test');
  };
  images = new ImageService({
    store: store.images,
    layers: store.storage.layers,
    builder: { build: unused, owns: () => false, inventory: () => [] },
    buildCache: buildCacheRepository(store.database),
    bootstrapper: { bootstrap: unused },
    registry: new Registry(store.database),
    events: new EventBus(),
    normalize: normalizeReference,
    familiar: familiarReference,
  });
});
afterEach(async () => await store.destroy());

const commit = (note: string, ...references: string[]): Promise<Image> =>
  store.images.commit(
    { architecture: 'amd64', os: 'linux', config: { Cmd: [note] }, history: [] },
    [],
    references,
  );
const all = { danglingOnly: false, matches: () => true };

test('an image that gets a name while others are pruned stays', async () => {
  const [one, two] = [await commit('one'), await commit('two')];
  const pruning = images.prune({ ...all, danglingOnly: true });
  for (const { id } of [one, two]) if (store.images.find(id) !== null) images.tag(id, `kept:${id.slice(-6)}`);
  const named = store.images.list().filter(({ references }) => references.length > 0);
  const { removed } = await pruning;
  expect(named.length).toBeGreaterThan(0);
  expect(store.images.list()).toEqual(named);
  expect(removed).not.toContainEqual({ deleted: named[0]?.id });
});

test('a name that moved to another image while images are pruned is that image’s', async () => {
  const before = [await commit('one', 'a'), await commit('two', 'b')];
  const next = commit('three', 'a', 'b');
  await images.prune(all);
  expect(store.images.get((await next).id).references).toHaveLength(2);
  expect(before.map(({ id }) => store.images.find(id))).toEqual([null, null]);
});

test('a removal that waits for its turn spares what was made or named meanwhile', async () => {
  const image = await commit('one', 'app');
  const turn = commit('other', 'other');
  const removal = images.remove('app');
  images.tag(image.id, 'app:again');
  await turn;
  expect(await removal).toEqual([{ untagged: 'docker.io/library/app:latest' }]);
  expect(store.images.get('app:again').id).toBe(image.id);
});

test('two that prune at once are both done', async () => {
  for (const name of ['one', 'two', 'three']) await commit(name);
  const results = await Promise.all([images.prune(all), images.prune(all)]);
  expect(store.images.list()).toEqual([]);
  expect(results.flatMap(({ removed }) => removed)).toHaveLength(3);
});
