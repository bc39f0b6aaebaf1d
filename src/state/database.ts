import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { makePrivateFile } from '../host/private-files.ts';
import { HullError, messageOf } from '../model/errors.ts';
import { MIGRATIONS, type Migration } from './migrations.ts';

export type SqlValue = string | number | bigint | null | Uint8Array;
export type SqlRow = Readonly<Record<string, SqlValue>>;

/**
 * The engine's state, in one SQLite file. Synchronous: a write takes some 30 µs and survives a killed daemon; after a power cut the last ones
 * may be missing, never half there. `durably` is for what must survive that too.
 */
export interface Database {
  run(sql: string, ...values: SqlValue[]): void;
  get(sql: string, ...values: SqlValue[]): SqlRow | null;
  all(sql: string, ...values: SqlValue[]): readonly SqlRow[];
  /** All or nothing. Inside another one it is part of that. */
  transaction<T>(work: () => T): T;
  /** A transaction that is on the disk when it returns, with everything written before it. Takes an fsync: milliseconds. */
  durably<T>(work: () => T): T;
  /** Calls `listener` after each `run`. One at most. */
  onWrite(listener: () => void): void;
  close(): void;
}

export interface DatabaseOptions {
  readonly migrations?: readonly Migration[];
  /** Whose it is: written into a new one, compared with an older one. */
  readonly engineId?: string;
  /** Called for a database without a table, which is otherwise made: throws where one must have been there. */
  readonly onNew?: () => void;
}

/**
 * Opens or makes the database and brings it to this version. Rejects a damaged one (`state-corrupt`), one that a newer version wrote
 * (`not-supported`) and another engine's (`engine-mismatch`). The path `:memory:` is for tests.
 */
export function openDatabase(path: string, options: DatabaseOptions = {}): Database {
  const { migrations = MIGRATIONS, engineId, onNew } = options;
  let sqlite: DatabaseSync | null = null;
  try {
    // Its journals take its mode. It holds every instance's variables.
    if (path !== ':memory:') makePrivateFile(path, [`${path}-wal`, `${path}-shm`]);
    sqlite = new DatabaseSync(path);
    sqlite.exec(
      'PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON',
    );
    checkIntegrity(sqlite);
    const database = new SqliteDatabase(sqlite);
    if (versionOf(database) === 0) onNew?.();
    migrate(database, path, migrations);
    if (engineId !== undefined) claim(database, path, engineId);
    takeReserve(sqlite, path);
    return database;
  } catch (error) {
    sqlite?.close();
    if (error instanceof HullError) throw error;
    throw new HullError(
      'state-corrupt',
      `cannot open the state in ${path}: ${messageOf(error)}; put it back from a backup, or run \`hull check --rebuild --data ${dirname(path)}\``,
      {
        cause: error,
      },
    );
  }
}

/** Whose database a file is, as it says itself; null when it says nothing. */
export function engineIdIn(path: string): string | null {
  try {
    const sqlite = new DatabaseSync(path, { readOnly: true });
    try {
      const id = sqlite.prepare('SELECT id FROM engine').get()?.['id'];
      return typeof id === 'string' ? id : null;
    } finally {
      sqlite.close();
    }
  } catch {
    return null;
  }
}

function claim(database: Database, path: string, engineId: string): void {
  const owner = database.get('SELECT id FROM engine')?.['id'];
  if (owner === engineId) return;
  if (owner !== undefined)
    throw new HullError(
      'engine-mismatch',
      `the database ${path} belongs to another engine (${String(owner)}) than the folder that it is in (${engineId}); put the right one back, or run \`hull check --rebuild --data ${dirname(path)}\``,
    );
  database.durably(() => database.run('INSERT INTO engine (id) VALUES (?)', engineId));
}

function checkIntegrity(sqlite: DatabaseSync): void {
  const [first] = sqlite.prepare('PRAGMA quick_check(1)').all();
  const said = Object.values(first ?? {})[0];
  if (said !== 'ok') throw new Error(`SQLite says: ${String(said)}`);
}

/** Bytes; SQLite empties its journal when that holds as much. */
const RESERVE = 4 * 1024 * 1024;

/**
 * Takes the space that the state will need, before a workload takes the last of the disk: what cannot be recorded cannot be stopped or removed either,
 * and nothing could free the disk again. The journal is written over from its beginning, and not cut while it is open; the file keeps its free pages.
 */
function takeReserve(sqlite: DatabaseSync, path: string): void {
  if (path === ':memory:') return;
  const { bavail, bsize } = statfsSync(path);
  // Begun and not ended, the journal would keep what is left of the disk.
  if (bavail * bsize < 4 * RESERVE) return;
  try {
    sqlite.exec(`
      DROP TABLE IF EXISTS reserve;
      CREATE TABLE reserve (space BLOB);
      INSERT INTO reserve VALUES (zeroblob(${RESERVE}));
      PRAGMA wal_checkpoint(PASSIVE);
      DROP TABLE reserve`);
  } catch {
    // Another process holds the database: it goes on with what there is.
    if (sqlite.isTransaction) sqlite.exec('ROLLBACK');
  }
}

function versionOf(database: Database): number {
  return Number(database.get('PRAGMA user_version')?.['user_version'] ?? 0);
}

function migrate(database: Database, path: string, migrations: readonly Migration[]): void {
  const version = versionOf(database);
  if (version > migrations.length) {
    throw new HullError(
      'not-supported',
      `the state in ${path} was written by a newer version of hull (its format is ${version}, this one knows ${migrations.length}); upgrade hull`,
    );
  }
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue;
    database.durably(() => {
      for (const statement of migration.statements) database.run(statement);
      database.run(`PRAGMA user_version = ${index + 1}`);
    });
  }
}

class SqliteDatabase implements Database {
  readonly #sqlite: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #depth = 0;
  #onWrite: (() => void) | null = null;

  constructor(sqlite: DatabaseSync) {
    this.#sqlite = sqlite;
  }

  run(sql: string, ...values: SqlValue[]): void {
    this.#prepare(sql).run(...values);
    this.#onWrite?.();
  }

  onWrite(listener: () => void): void {
    this.#onWrite = listener;
  }

  get(sql: string, ...values: SqlValue[]): SqlRow | null {
    return (this.#prepare(sql).get(...values) as SqlRow | undefined) ?? null;
  }

  all(sql: string, ...values: SqlValue[]): readonly SqlRow[] {
    return this.#prepare(sql).all(...values);
  }

  transaction<T>(work: () => T): T {
    if (this.#depth > 0) return work();
    this.run('BEGIN IMMEDIATE');
    this.#depth += 1;
    try {
      const result = work();
      this.run('COMMIT');
      return result;
    } catch (error) {
      this.#rollBack();
      throw error;
    } finally {
      this.#depth -= 1;
    }
  }

  durably<T>(work: () => T): T {
    if (this.#depth > 0) throw new HullError('internal', 'a durable change inside another transaction');
    this.run('PRAGMA synchronous = FULL');
    try {
      return this.transaction(work);
    } finally {
      this.run('PRAGMA synchronous = NORMAL');
    }
  }

  close(): void {
    this.#statements.clear();
    this.#sqlite.close();
  }

  /** SQLite has rolled back by itself after some errors (a full disk). */
  #rollBack(): void {
    if (this.#sqlite.isTransaction) this.run('ROLLBACK');
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const made = this.#sqlite.prepare(sql);
    this.#statements.set(sql, made);
    return made;
  }
}
