import type { Database, SqlRow } from './database.ts';
import { blobRepository, imageRepository, layerRepository } from './image-repositories.ts';
import type {
  DiskRecord,
  DiskRepository,
  MachineRecord,
  MachineRepository,
  Repositories,
} from './repositories.ts';
import { integer, json, text } from './rows.ts';
import { volumeRepository } from './volume-repositories.ts';

/** All records of images and storage, over one database. */
export function createRepositories(database: Database): Repositories {
  return {
    blobs: blobRepository(database),
    layers: layerRepository(database),
    images: imageRepository(database),
    disks: diskRepository(database),
    volumes: volumeRepository(database),
    machines: machineRepository(database),
    transaction: (work) => database.transaction(work),
    durably: (work) => database.durably(work),
  };
}

function diskRepository(database: Database): DiskRepository {
  return {
    find: (key) => database.all('SELECT * FROM disks WHERE key = ?', key).map(toDisk)[0] ?? null,
    list: () => database.all('SELECT * FROM disks ORDER BY key').map(toDisk),
    add: ({ key, file, size }) =>
      database.run('INSERT OR REPLACE INTO disks VALUES (?, ?, ?, ?)', key, file, size, Date.now()),
    remove: (key) => database.run('DELETE FROM disks WHERE key = ?', key),
  };
}

function machineRepository(database: Database): MachineRepository {
  return {
    find: (name) => database.all('SELECT * FROM machines WHERE name = ?', name).map(toMachine)[0] ?? null,
    list: () => database.all('SELECT * FROM machines ORDER BY name').map(toMachine),
    add: ({ folder, inputKey, machine }) =>
      database.run(
        'INSERT OR REPLACE INTO machines VALUES (?, ?, ?, ?, ?)',
        machine.name,
        folder,
        inputKey,
        JSON.stringify(machine),
        machine.createdAt,
      ),
    remove: (name) => database.run('DELETE FROM machines WHERE name = ?', name),
  };
}

function toDisk(row: SqlRow): DiskRecord {
  return { key: text(row, 'key'), file: text(row, 'file'), size: integer(row, 'size') };
}

function toMachine(row: SqlRow): MachineRecord {
  return { folder: text(row, 'folder'), inputKey: text(row, 'input_key'), machine: json(row, 'machine') };
}
