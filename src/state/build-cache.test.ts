import { expect, test } from 'bun:test';
import { digestOf } from '../lib/digest.ts';
import { buildCacheRepository } from './build-cache.ts';
import { openDatabase } from './database.ts';

test('records come back as they were saved, the last one of a key counts', () => {
  const cache = buildCacheRepository(openDatabase(':memory:'));
  const [key, other, layer] = [digestOf('key'), digestOf('other'), digestOf('layer')];
  expect(cache.find(key)).toBeNull();
  cache.save(key, { diffId: null, createdAt: 1 });
  cache.save(other, { diffId: layer, createdAt: 2 });
  expect(cache.find(key)).toEqual({ diffId: null, createdAt: 1 });
  cache.save(key, { diffId: layer, createdAt: 3 });
  expect(cache.find(key)).toEqual({ diffId: layer, createdAt: 3 });
  expect(cache.find(other)).toEqual({ diffId: layer, createdAt: 2 });
});
