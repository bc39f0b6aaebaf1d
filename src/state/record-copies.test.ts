import { afterEach, beforeEach, expect, test } from 'bun:test';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type Database, openDatabase } from './database.ts';
import { MIGRATIONS } from './migrations.ts';
import { insertCopy, readCopies, RecordCopies } from './record-copies.ts';
import { createRepositories } from './storage-repositories.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'hull-copies-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const path = (): string => join(folder, 'hull.db');
const options = () => ({ dataDir: folder, version: MIGRATIONS.length, log: () => undefined });
const volume = (name: string) => ({
  name,
  labels: {},
  options: {},
  anonymous: false,
  createdAt: 1,
  folder: name,
});

function open(): { database: Database; copies: RecordCopies; restored: readonly string[] } {
  const database = openDatabase(path(), { engineId: 'engine' });
  const copies = new RecordCopies(database, options());
  return { database, copies, restored: copies.start() };
}

/** The names of the volumes that are in the database, and of those that have copies. */
function names(database: Database): { rows: string[]; copies: string[] } {
  const keys = readCopies(folder).copies.filter(({ kind }) => kind === 'volume');
  return {
    rows: createRepositories(database)
      .volumes.list()
      .map(({ name }) => name),
    copies: keys.map(({ key }) => key).toSorted(),
  };
}

test('copies follow what is made, renamed and removed', async () => {
  const { database, copies } = open();
  const { volumes } = createRepositories(database);
  for (const name of ['a', 'b', 'c']) volumes.add(volume(name));
  await copies.stop();
  expect(names(database).copies).toEqual(['a', 'b', 'c']);
  volumes.remove('a');
  volumes.rename('b', 'd');
  await copies.stop();
  expect(names(database)).toEqual({ rows: ['c', 'd'], copies: ['c', 'd'] });
  database.close();
});

test('an older database gets what it lacks from the copies; a newer one corrects them', async () => {
  const first = open();
  const { volumes } = createRepositories(first.database);
  volumes.add(volume('old'));
  volumes.add(volume('renamed'));
  await first.copies.stop();
  first.database.close();
  cpSync(path(), join(folder, 'backup.db'));
  const second = open();
  expect(second.restored).toEqual([]);
  createRepositories(second.database).volumes.add(volume('new'));
  await second.copies.stop();
  second.database.close();

  for (const suffix of ['', '-wal', '-shm']) rmSync(`${path()}${suffix}`, { force: true });
  cpSync(join(folder, 'backup.db'), path());
  const third = open();
  expect(third.restored).toEqual(['volume new']);
  // Killed before the copy is written: a removal is not undone by the next start.
  await third.copies.stop();
  createRepositories(third.database).volumes.remove('old');
  third.copies.abandon();
  third.database.close();
  const fourth = open();
  expect(fourth.restored).toEqual([]);
  await fourth.copies.stop();
  expect(names(fourth.database)).toEqual({ rows: ['new', 'renamed'], copies: ['new', 'renamed'] });
  fourth.database.close();
});

test('what lives for a moment is never written', async () => {
  const { database, copies } = open();
  const { volumes } = createRepositories(database);
  volumes.add(volume('short'));
  volumes.remove('short');
  expect(readdirSync(join(folder, 'records/volume'))).toEqual([]);
  await copies.stop();
  expect(readdirSync(join(folder, 'records/volume'))).toEqual([]);
  database.close();
});

test('a record may be written as often as one likes before its copy is made, by any statement', async () => {
  const { database, copies } = open();
  const { images, blobs, layers, machines } = createRepositories(database);
  const digest = `sha256:${'a'.repeat(64)}` as const;
  const blob = { digest, size: 1, mediaType: 'm' };
  const config = { architecture: 'a', os: 'linux', rootfs: { type: 'layers', diff_ids: [digest] } } as const;
  const manifest = { schemaVersion: 2, mediaType: 'm', config: blob, layers: [blob] } as const;
  const paths = { disk: '', kernel: '', initrd: '', cmdline: '', virtualSize: 1, storedSize: 1 };
  for (let time = 0; time < 3; time++) {
    blobs.add(blob);
    layers.add({ diffId: digest, folder: 'abcde', blob, unpackedSize: 1 });
    images.add({ id: digest, manifestDigest: digest, manifest, config, storedAt: time });
    images.addBlob(digest, digest);
    images.setReference('docker.io/library/a:latest', digest);
    machines.add({
      folder: 'f',
      inputKey: '',
      machine: { name: 'm', ...paths, createdAt: 1, description: '' },
    });
  }
  await copies.stop();
  expect(readCopies(folder).copies.map(({ kind }) => kind)).toEqual(['layer', 'image', 'machine']);
  images.removeReference('docker.io/library/a:latest');
  images.remove(digest);
  await copies.stop();
  expect(readCopies(folder).copies.map(({ kind }) => kind)).toEqual(['layer', 'machine']);
  database.close();
});

test('copies with anything in them do no harm', async () => {
  const { database, copies } = open();
  createRepositories(database).volumes.add(volume('a'));
  await copies.stop();
  const [copy] = readCopies(folder).copies;
  const rows = fc.dictionary(
    fc.constantFrom('volumes', 'instances', 'sqlite_master', 'volumes; DROP TABLE volumes'),
    fc.array(
      fc.dictionary(
        fc.constantFrom('name', 'labels', 'x) VALUES (1); --', 'folder'),
        fc.oneof(fc.string(), fc.integer()),
      ),
    ),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        rows.map((some) => JSON.stringify({ ...copy, rows: some })),
      ),
      (text) => {
        writeFileSync(join(folder, 'records/volume/x.json'), text);
        for (const one of readCopies(folder).copies) {
          try {
            database.transaction(() => {
              insertCopy(database, one, folder);
              throw new Error('undone');
            });
          } catch {
            // Refused by SQLite, or undone.
          }
        }
        return createRepositories(database).volumes.find('a') !== null;
      },
    ),
  );
  copies.abandon();
  database.close();
});
