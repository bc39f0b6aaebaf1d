import type { Database, SqlRow } from './database.ts';
import { blobRepository, imageRepository, layerRepository } from './image-repositories.ts';
import type {
  DiskRecord,
  DiskRepository,
  MachineRecord,
  MachineRepository,
  Repositories,
} from './repositories.ts';
import { MACHINE_FORMAT } from './formats.ts';
import { writeRecord } from './record-format.ts';
import { faultIn, file, integer, json, readOrTell, text, understood } from './rows.ts';
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
    // One that cannot be understood is made again.
    find: (key) => understood(database.all('SELECT * FROM disks WHERE key = ?', key), toDisk)[0] ?? null,
    list: () => understood(database.all('SELECT * FROM disks ORDER BY key'), toDisk),
    add: ({ key, file, size }) =>
      database.run('INSERT OR REPLACE INTO disks VALUES (?, ?, ?, ?)', key, file, size, Date.now()),
    remove: (key) => database.run('DELETE FROM disks WHERE key = ?', key),
  };
}

function machineRepository(database: Database): MachineRepository {
  return {
    find: (name) => {
      const row = database.get('SELECT * FROM machines WHERE name = ?', name);
      return row === null
        ? null
        : readOrTell(
            row,
            toMachine,
            `the machine ${name}`,
            '`hull check --repair` makes it again from its disk',
          );
    },
    list: () => understood(database.all('SELECT * FROM machines ORDER BY name'), toMachine),
    folders: () => new Set(database.all('SELECT folder FROM machines').map((row) => text(row, 'folder'))),
    damaged: () =>
      database.all('SELECT * FROM machines ORDER BY name').flatMap((row) => {
        const fault = faultIn(row, toMachine);
        if (fault === null) return [];
        return [
          { name: text(row, 'name'), folder: text(row, 'folder'), inputKey: text(row, 'input_key'), fault },
        ];
      }),
    add: ({ folder, inputKey, machine }) =>
      database.run(
        'INSERT OR REPLACE INTO machines VALUES (?, ?, ?, ?, ?)',
        machine.name,
        folder,
        inputKey,
        writeRecord(MACHINE_FORMAT, machine),
        machine.createdAt,
      ),
    remove: (name) => database.run('DELETE FROM machines WHERE name = ?', name),
  };
}

function toDisk(row: SqlRow): DiskRecord {
  return { key: text(row, 'key'), file: file(row, 'file'), size: integer(row, 'size') };
}

function toMachine(row: SqlRow): MachineRecord {
  return {
    folder: file(row, 'folder'),
    inputKey: text(row, 'input_key'),
    machine: json(row, 'machine', MACHINE_FORMAT),
  };
}
