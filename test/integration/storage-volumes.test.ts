import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeStore, type TestStore } from './support/store.ts';

let store: TestStore;
beforeEach(async () => {
  store = await makeStore();
});
afterEach(async () => await store.destroy());

describe('volumes', () => {
  test('are made once, listed, and removed', async () => {
    const { volumes } = store.storage;
    const made = await volumes.ensure('data', { a: 'b' });
    writeFileSync(join(made.path, 'f'), 'kept');
    expect(await volumes.ensure('data')).toEqual(made);
    expect((await volumes.ensure('c'.repeat(64))).anonymous).toBe(true);
    store = await store.reopen();
    expect(store.storage.volumes.list().map((volume) => volume.name)).toEqual(['c'.repeat(64), 'data']);
    expect(readFileSync(join(made.path, 'f'), 'utf8')).toBe('kept');
    await store.storage.volumes.remove('data');
    expect([existsSync(made.path), store.storage.volumes.find('data')]).toEqual([false, null]);
    await expect(store.storage.volumes.remove('data')).rejects.toMatchObject({ code: 'volume-not-found' });
    await expect(store.storage.volumes.ensure('../x')).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});
