import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { validate } from '../../src/images/validate.ts';
import { makeStore, type TestStore } from '../integration/support/store.ts';

/** More rounds: HULL_FAULT_ROUNDS=200 npm run faults */
const ROUNDS = Number(process.env['HULL_FAULT_ROUNDS'] ?? 8);
/** Some three rounds of the worker's, in milliseconds. */
const LONGEST = 700;

const folder = mkdtempSync(join(tmpdir(), 'hull-kill-store-'));
let store: TestStore | null = null;
afterAll(async () => await (store ?? (await makeStore(folder))).destroy());

/** As the engine does when it starts: files without a record go, then records that nothing needs. */
async function afterCrash(): Promise<TestStore> {
  const opened = await makeStore(folder);
  await opened.images.prune(new Set());
  return opened;
}

test(
  `a store killed at ${ROUNDS} random moments has whole images, and nothing else`,
  async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const worker = Bun.spawn([process.execPath, join(import.meta.dir, 'store-worker.ts'), folder], {
        stdout: 'pipe',
        stderr: 'inherit',
      });
      await worker.stdout.getReader().read();
      await Bun.sleep(Math.random() * LONGEST);
      worker.kill('SIGKILL');
      await worker.exited;

      store = await afterCrash();
      const { images, identity, storage } = store;
      const kept = images.list();
      for (const image of kept) expect(await validate(image, storage, { deep: true })).toEqual([]);
      const layers = new Set(kept.flatMap((image) => image.layers.map(({ diffId }) => diffId)));
      const blobs = new Set(
        kept.flatMap((image) => [
          image.id,
          image.manifestDigest,
          ...image.layers.map(({ blob }) => blob.digest),
        ]),
      );
      const names = (path: string): string[] => readdirSync(join(identity.dataDir, path));
      expect(names('l')).toHaveLength(layers.size);
      expect(names('blobs/sha256').toSorted()).toEqual(
        [...blobs].map((digest) => digest.slice(7)).toSorted(),
      );
      expect(names('tmp')).toEqual([]);
      store.database.close();
      store = null;
    }
  },
  30_000 + ROUNDS * 10_000,
);
