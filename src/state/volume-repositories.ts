import type { Database, SqlRow } from './database.ts';
import type {
  VolumeRecord,
  VolumeRepository,
  VolumeSnapshotRecord,
  VolumeSnapshotRepository,
} from './repositories.ts';
import { integer, json, text } from './rows.ts';

/** Records of volumes and their snapshots. */
export function volumeRepository(database: Database): VolumeRepository {
  const one = (column: 'name' | 'folder', value: string): VolumeRecord | null =>
    database.all(`SELECT * FROM volumes WHERE ${column} = ?`, value).map(toVolume)[0] ?? null;
  return {
    find: (name) => one('name', name),
    findByFolder: (folder) => one('folder', folder),
    list: () => database.all('SELECT * FROM volumes ORDER BY name').map(toVolume),
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
    snapshots: snapshotRepository(database),
  };
}

function snapshotRepository(database: Database): VolumeSnapshotRepository {
  const columns = 'SELECT * FROM volume_snapshots';
  return {
    find: (volume, name) =>
      database.all(`${columns} WHERE volume = ? AND name = ?`, volume, name).map(toSnapshot)[0] ?? null,
    findByFolder: (folder) => database.all(`${columns} WHERE folder = ?`, folder).map(toSnapshot)[0] ?? null,
    list: (volume) => {
      const order = 'ORDER BY volume, created_at, name';
      const rows =
        volume === undefined
          ? database.all(`${columns} ${order}`)
          : database.all(`${columns} WHERE volume = ? ${order}`, volume);
      return rows.map(toSnapshot);
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
    labels: json(row, 'labels'),
    anonymous: integer(row, 'anonymous') === 1,
    createdAt: integer(row, 'created_at'),
    options: json(row, 'options'),
    folder: text(row, 'folder'),
  };
}

function toSnapshot(row: SqlRow): VolumeSnapshotRecord {
  return {
    volume: text(row, 'volume'),
    name: text(row, 'name'),
    folder: text(row, 'folder'),
    createdAt: integer(row, 'created_at'),
  };
}
