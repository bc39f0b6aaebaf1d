import type { Database, SqlRow } from './database.ts';
import type {
  VolumeRecord,
  VolumeRepository,
  VolumeSnapshotRecord,
  VolumeSnapshotRepository,
} from './repositories.ts';
import { TEXT_MAP_FORMAT } from './formats.ts';
import { faultIn, file, integer, json, readOrTell, text, understood } from './rows.ts';

/** Records of volumes and their snapshots. */
export function volumeRepository(database: Database): VolumeRepository {
  return {
    find: (name) => read(database.get('SELECT * FROM volumes WHERE name = ?', name)),
    list: () => understood(database.all('SELECT * FROM volumes ORDER BY name'), toVolume),
    add: ({ name, labels, anonymous, createdAt, options, folder }) =>
      database.run(
        'INSERT INTO volumes (name, labels, anonymous, created_at, options, folder) VALUES (?, ?, ?, ?, ?, ?)',
        name,
        JSON.stringify(labels),
        anonymous ? 1 : 0,
        createdAt,
        JSON.stringify(options),
        folder,
      ),
    rename: (name, to) =>
      database.transaction(() => {
        database.run('UPDATE volumes SET name = ?, anonymous = 0 WHERE name = ?', to, name);
        database.run('UPDATE volume_snapshots SET volume = ? WHERE volume = ?', to, name);
      }),
    remove: (name) => database.run('DELETE FROM volumes WHERE name = ?', name),
    folders: () =>
      new Map(
        database
          .all('SELECT name, folder FROM volumes')
          .map((row) => [text(row, 'folder'), text(row, 'name')]),
      ),
    damaged: () =>
      database.all('SELECT * FROM volumes ORDER BY name').flatMap((row) => {
        const fault = faultIn(row, toVolume);
        return fault === null ? [] : [{ name: text(row, 'name'), fault }];
      }),
    makePlain: (name) =>
      database.run("UPDATE volumes SET labels = '{}', options = '{}' WHERE name = ?", name),
    snapshots: snapshotRepository(database),
  };
}

function snapshotRepository(database: Database): VolumeSnapshotRepository {
  const columns = 'SELECT * FROM volume_snapshots';
  return {
    find: (volume, name) =>
      understood(database.all(`${columns} WHERE volume = ? AND name = ?`, volume, name), toSnapshot)[0] ??
      null,
    findByFolder: (folder) =>
      understood(database.all(`${columns} WHERE folder = ?`, folder), toSnapshot)[0] ?? null,
    list: (volume) => {
      const order = 'ORDER BY volume, created_at, name';
      const rows =
        volume === undefined
          ? database.all(`${columns} ${order}`)
          : database.all(`${columns} WHERE volume = ? ${order}`, volume);
      return understood(rows, toSnapshot);
    },
    add: ({ volume, name, folder, createdAt }) =>
      database.run(
        'INSERT INTO volume_snapshots (volume, name, folder, created_at) VALUES (?, ?, ?, ?)',
        volume,
        name,
        folder,
        createdAt,
      ),
    remove: (volume, name) =>
      database.run('DELETE FROM volume_snapshots WHERE volume = ? AND name = ?', volume, name),
  };
}

function toVolume(row: SqlRow): VolumeRecord {
  return {
    name: text(row, 'name'),
    labels: json(row, 'labels', TEXT_MAP_FORMAT),
    anonymous: integer(row, 'anonymous') === 1,
    createdAt: integer(row, 'created_at'),
    options: json(row, 'options', TEXT_MAP_FORMAT),
    folder: file(row, 'folder'),
  };
}

function read(row: SqlRow | null): VolumeRecord | null {
  if (row === null) return null;
  const what = `the volume ${text(row, 'name')}`;
  return readOrTell(row, toVolume, what, '`hull check --repair` makes it a plain volume with what it holds');
}

function toSnapshot(row: SqlRow): VolumeSnapshotRecord {
  return {
    volume: text(row, 'volume'),
    name: text(row, 'name'),
    folder: file(row, 'folder'),
    createdAt: integer(row, 'created_at'),
  };
}
