import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { HullError, messageOf } from '../model/errors.ts';
import { type Database, engineIdIn, openDatabase } from '../state/database.ts';
import { DATABASE_FILE, lookAtDatabase, readDataMark, REBUILT_FILE } from '../state/engine-files.ts';
import { MIGRATIONS } from '../state/migrations.ts';
import { insertCopy, readCopies, type RecordCopy } from '../state/record-copies.ts';
import { insertSalvage, salvage } from '../state/salvage.ts';
import { DEFAULT_DATA, takeLock } from './folders.ts';
import { restoreFromDisk } from './rebuild-from-disk.ts';

/** What a rebuild has done, a line each, and what it could not do. */
export interface RebuildReport {
  readonly done: readonly string[];
  readonly left: readonly string[];
}

/** The database that is being made; the same once it is whole. */
const UNFINISHED = 'hull.db.rebuilding';
/** SQLite's files beside a database. */
const BESIDE = ['', '-wal', '-shm', '-journal'];

/**
 * Makes the database of a data folder again: from the copies of its records, from what can still be read of the old one, and from what lies there. The old
 * database is set aside. Until the new one is whole nothing is changed, and a rebuild that was cut short is simply done again. Throws `wrong-state` while a
 * daemon uses the folder, `not-supported` for one of a newer version.
 */
export async function rebuild(options: { readonly data?: string }): Promise<RebuildReport> {
  const data = folderOf(options.data ?? DEFAULT_DATA);
  const release = await takeLock(data, '--data');
  try {
    refuseNewer(data);
    // The last rebuild was cut short when only the renames were left.
    if (existsSync(join(data, REBUILT_FILE)) && !existsSync(join(data, DATABASE_FILE))) {
      swap(data);
      return { done: ['what the rebuild that was cut short had found'], left: [] };
    }
    for (const suffix of BESIDE) rmSync(join(data, UNFINISHED + suffix), { force: true });
    const report = fill(data);
    renameSync(join(data, UNFINISHED), join(data, REBUILT_FILE));
    swap(data);
    return report;
  } finally {
    release();
  }
}

function folderOf(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  throw new HullError('invalid-argument', `there is no data folder ${resolve(path)}`);
}

function refuseNewer(data: string): void {
  const database = lookAtDatabase(data);
  const version = Math.max(readDataMark(data)?.state ?? 0, database.found === 'file' ? database.version : 0);
  if (version > MIGRATIONS.length)
    throw new HullError('not-supported', `${data} was written by a newer version of hull; upgrade hull`);
}

function fill(data: string): RebuildReport {
  const path = join(data, UNFINISHED);
  const old = salvage(join(data, DATABASE_FILE));
  const { copies, faults } = readCopies(data);
  const left = faults.map((fault) => `a copy of a record is damaged: ${fault}`);
  const done: string[] = [];
  // Rows go into tables as these were when the rows were written; then both are brought to this version together.
  const versions = new Set([...copies.map(({ tables }) => tables), ...(old === null ? [] : [old.version])]);
  for (const version of [...versions].filter(isKnown).toSorted((a, b) => a - b)) {
    const database = openDatabase(path, { migrations: MIGRATIONS.slice(0, version) });
    for (const copy of copies.filter(({ tables }) => tables === version)) {
      const fault = insert(database, copy, data);
      if (fault === null) done.push(nameOf(copy));
      else left.push(`${nameOf(copy)}: ${fault}`);
    }
    database.close();
  }
  const id = readDataMark(data)?.id ?? engineIdIn(join(data, DATABASE_FILE)) ?? randomUUID();
  const database = openDatabase(path, { engineId: id });
  try {
    const generation = Math.max(0, ...copies.map((copy) => copy.generation));
    if (old !== null)
      for (const [kind, count] of insertSalvage(database, old))
        done.push(`${count} more of kind ${kind}, from the old database`);
    const found = restoreFromDisk(database, data);
    database.durably(() => database.run('UPDATE engine SET generation = generation + ?', generation + 1));
    database.get('PRAGMA wal_checkpoint(TRUNCATE)');
    return { done: [...done, ...found.done], left: [...left, ...found.left] };
  } finally {
    database.close();
  }
}

function isKnown(version: number): boolean {
  return version > 0 && version <= MIGRATIONS.length;
}

/** Why it cannot be; null when it is done. */
function insert(database: Database, copy: RecordCopy, data: string): string | null {
  try {
    database.transaction(() => insertCopy(database, copy, data));
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** Puts the new database in the place of the old one, which is set aside with all that SQLite keeps beside it. */
function swap(data: string): void {
  const aside = join(data, 'set-aside', new Date().toISOString().slice(0, 19).replaceAll(':', '.'), 'state');
  const old = BESIDE.map((suffix) => DATABASE_FILE + suffix).filter((name) => existsSync(join(data, name)));
  if (old.length > 0) mkdirSync(aside, { recursive: true, mode: 0o700 });
  // The main file first: cut short here, the folder has no database, and is refused until it is rebuilt.
  for (const name of old) renameSync(join(data, name), join(aside, name));
  renameSync(join(data, REBUILT_FILE), join(data, DATABASE_FILE));
  const folder = openSync(data, 'r');
  fsyncSync(folder);
  closeSync(folder);
}

function nameOf({ kind, key, rows }: RecordCopy): string {
  const reference = rows['image_references']?.[0]?.['reference'];
  const record = /"name":"([^"\\]+)"/.exec(String(rows['instances']?.[0]?.['record'] ?? ''))?.[1];
  return `${kind} ${kind === 'instance' ? (record ?? key) : String(reference ?? key)}`;
}
