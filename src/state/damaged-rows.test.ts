import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Digest, ImageConfig, Manifest } from '../model/image.ts';
import { type Database, openDatabase, type SqlValue } from './database.ts';
import { networkRepository } from './network-repository.ts';
import { createRepositories } from './storage-repositories.ts';

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}`;
const TABLES = [
  'blobs',
  'layers',
  'images',
  'disks',
  'volumes',
  'volume_snapshots',
  'machines',
  'networks',
] as const;

/** One whole row of each kind, and one that is going to be damaged. */
function filled(): Database {
  const database = openDatabase(':memory:');
  const { blobs, layers, images, disks, volumes, machines } = createRepositories(database);
  for (const digit of ['a', 'b']) {
    const blob = { digest: digest(digit), size: 3, mediaType: 'm' };
    const config: ImageConfig = {
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [digest(digit)] },
    };
    const manifest: Manifest = { schemaVersion: 2, mediaType: 'm', config: blob, layers: [blob] };
    blobs.add(blob);
    layers.add({ diffId: digest(digit), folder: `layer${digit}`, blob, unpackedSize: 1 });
    images.add({ id: digest(digit), manifestDigest: digest(digit), manifest, config, storedAt: 1 });
    disks.add({ key: digit, file: `${digit}.erofs`, size: 1 });
    const common = { createdAt: 1, folder: `folder${digit}` };
    volumes.add({ name: digit, labels: {}, options: {}, anonymous: false, ...common });
    volumes.snapshots.add({ volume: digit, name: 's', ...common });
    const paths = { disk: '/d', kernel: '/k', initrd: '/i', cmdline: '', virtualSize: 1, storedSize: 1 };
    const machine = { name: digit, ...paths, createdAt: 1, description: '' };
    machines.add({ folder: `machine${digit}`, inputKey: '', machine });
    networkRepository(database).add({
      ...{
        id: digit.repeat(64),
        name: digit,
        driver: 'bridge',
        createdAt: 1,
        internal: false,
        attachable: false,
      },
      ...{ ipv6: false, pools: [], options: {}, ipamOptions: null, labels: {}, link: `l${digit}` },
    });
  }
  return database;
}

/** What every list gives. */
function lists(database: Database): Record<(typeof TABLES)[number], readonly object[]> {
  const { blobs, layers, images, disks, volumes, machines } = createRepositories(database);
  return {
    blobs: blobs.list(),
    layers: layers.list(),
    images: images.list(),
    disks: disks.list(),
    volumes: volumes.list(),
    volume_snapshots: volumes.snapshots.list(),
    machines: machines.list(),
    networks: networkRepository(database).list(),
  };
}

function textColumns(database: Database, table: string): string[] {
  return database
    .all(`PRAGMA table_info(${table})`)
    .filter((column) => column['type'] === 'TEXT')
    .map((column) => String(column['name']));
}

test('a damaged row is left out of its list, alone, or is a value of the right kind; nothing throws and no path leads out', () => {
  const places = TABLES.flatMap((table) => textColumns(filled(), table).map((column) => ({ table, column })));
  const strange: fc.Arbitrary<SqlValue> = fc.oneof(
    fc.constantFrom('', '{}', '[]', 'null', '../../etc', '/', '..', 'a/b', '{"a":1}', '{"recordVersion":9}'),
    fc.string(),
    fc.json(),
  );
  fc.assert(
    fc.property(fc.constantFrom(...places), strange, ({ table, column }, value) => {
      const database = filled();
      const before = lists(database);
      database.run('PRAGMA foreign_keys = OFF');
      database.run(`UPDATE ${table} SET ${column} = ?${where(table)}`, value);
      const after = lists(database);
      for (const other of TABLES) {
        if (other !== table) expect(after[other]).toEqual(before[other]);
        // The row that was not touched is as it was.
        else
          expect(after[other].some((row) => before[other].some((was) => Bun.deepEquals(row, was)))).toBe(
            true,
          );
      }
      for (const { folder } of [...after.layers, ...after.volumes, ...after.machines] as { folder: string }[])
        expect(folder).not.toMatch(/\/|^\.{1,2}$|^$/);
      database.close();
    }),
    { numRuns: 300 },
  );
});

/** The row with the letter b. */
function where(table: string): string {
  const keys: Record<string, string> = {
    blobs: `digest = '${digest('b')}'`,
    layers: `diff_id = '${digest('b')}'`,
    images: `id = '${digest('b')}'`,
    disks: "key = 'b'",
    volumes: "name = 'b'",
    volume_snapshots: "volume = 'b'",
    machines: "name = 'b'",
    networks: `id = '${'b'.repeat(64)}'`,
  };
  return ` WHERE ${keys[table] ?? ''}`;
}

test('who asks for a damaged one by name is told what is damaged', () => {
  const database = filled();
  database.run("UPDATE images SET config = '{}'");
  database.run("UPDATE machines SET machine = '[]'");
  database.run("UPDATE volumes SET labels = '7'");
  const { images, machines, volumes } = createRepositories(database);
  for (const find of [() => images.find(digest('b')), () => machines.find('b'), () => volumes.find('b')])
    expect(find).toThrow(expect.objectContaining({ code: 'state-corrupt' }));
  expect([images.damaged(), machines.damaged(), volumes.damaged()].map((rows) => rows.length)).toEqual([
    2, 2, 2,
  ]);
  volumes.makePlain('b');
  expect(volumes.find('b')).toMatchObject({ labels: {}, folder: 'folderb' });
});
