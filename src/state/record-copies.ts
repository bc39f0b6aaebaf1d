import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { messageOf } from '../model/errors.ts';
import type { Database, SqlRow, SqlValue } from './database.ts';
import { RECORD_KINDS } from './record-kinds.ts';

/** In the data folder. */
const FOLDER = 'records';
const GENERATION_FILE = 'generation';
/** Milliseconds from the first change to its copy: what lives shorter is never copied. */
const DELAY = 500;
/** Milliseconds after which copies that could not be written are retried. */
const RETRY = 10_000;

const sqlValue = v.union([v.string(), v.number(), v.null()]);
const copySchema = v.object({
  /** Of the database when the copy was made: see `RecordCopies`. */
  generation: v.pipe(v.number(), v.integer()),
  /** How many migrations the tables had seen. */
  tables: v.pipe(v.number(), v.integer(), v.minValue(0)),
  kind: v.picklist(Object.keys(RECORD_KINDS)),
  key: v.string(),
  rows: v.record(v.string(), v.array(v.record(v.string(), sqlValue))),
});

/** One record with all of its rows. */
export type RecordCopy = v.InferOutput<typeof copySchema>;

export interface RecordCopiesOptions {
  readonly dataDir: string;
  /** How many migrations the tables have seen. */
  readonly version: number;
  readonly log: (message: string) => void;
}

interface CopyFile {
  readonly path: string;
  /** Kind and key. */
  readonly name: string;
  /** Null: the record is gone. */
  readonly text: string | null;
}

/**
 * A second copy of every record that cannot be made again, a file each beside the data: `DATA/records/KIND/HASH.json`. From them a lost database is made
 * again, and one that was put back from a backup is brought up to date.
 *
 * Every change of such a row raises the database's generation in the same transaction; `records/generation` says up to which one the copies go. So at the
 * start it can be told which of the two is older. The copies follow half a second behind, off the path of every request.
 */
export class RecordCopies {
  readonly #database: Database;
  readonly #options: RecordCopiesOptions;
  readonly #folder: string;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();
  /** Copies that could not be put back, by kind and key: they stay, whatever the database says. */
  readonly #kept = new Set<string>();

  constructor(database: Database, options: RecordCopiesOptions) {
    this.#database = database;
    this.#options = options;
    this.#folder = join(options.dataDir, FOLDER);
  }

  /** Takes from the copies what an older database has lost, and follows every change from now on. Returns what was taken, for people. */
  start(): readonly string[] {
    for (const kind of Object.keys(RECORD_KINDS))
      mkdirSync(join(this.#folder, kind), { recursive: true, mode: 0o700 });
    const { copied, version } = this.#state();
    const own = generationOf(this.#database);
    const restored = copied > own ? this.#catchUp(own, copied) : [];
    this.#watch();
    if (copied !== own || version !== this.#options.version) this.#markAll();
    this.#database.onWrite(() => this.#schedule(DELAY));
    return restored;
  }

  /** Writes what has not been written yet. */
  async stop(): Promise<void> {
    this.#cancel();
    await this.#writing;
    await this.#flush();
    this.#cancel();
  }

  /** Writes nothing more: as when the process is killed. */
  abandon(): void {
    this.#cancel();
    this.#database.onWrite(() => undefined);
  }

  #catchUp(own: number, copied: number): readonly string[] {
    const { copies, faults } = readCopies(this.#options.dataDir);
    for (const fault of faults) this.#options.log(`a copy of a record is damaged: ${fault}`);
    const newer = copies.filter(({ generation }) => generation > own);
    const restored = newer.flatMap((copy) => {
      try {
        if (copy.tables !== this.#options.version)
          throw new Error('its copy is of another version; run `hull check --rebuild`');
        this.#database.transaction(() => insertCopy(this.#database, copy, this.#options.dataDir));
        return [`${copy.kind} ${copy.key}`];
      } catch (error) {
        this.#options.log(`restoring the ${copy.kind} ${copy.key} failed: ${messageOf(error)}`);
        this.#kept.add(`${copy.kind} ${copy.key}`);
        return [];
      }
    });
    this.#database.durably(() => this.#database.run('UPDATE engine SET generation = ?', copied));
    return restored;
  }

  /** Notes which records change. In memory: what is lost of it with the daemon is found by the generation. */
  #watch(): void {
    this.#database.run('PRAGMA temp_store = MEMORY');
    // Without a key: an upsert's own rule for conflicts would hold for the notes too (sqlite.org/lang_createtrigger.html).
    this.#database.run('CREATE TEMP TABLE changed (kind TEXT, key TEXT)');
    for (const [kind, tables] of Object.entries(RECORD_KINDS))
      for (const { table, key } of tables)
        for (const [event, rows] of [
          ['INSERT', ['NEW']],
          ['UPDATE', ['OLD', 'NEW']],
          ['DELETE', ['OLD']],
        ] as const) {
          const notes = rows.map((row) => `INSERT INTO changed VALUES ('${kind}', ${row}.${key});`);
          this.#database.run(
            `CREATE TEMP TRIGGER ${table}_${event} AFTER ${event} ON main.${table} BEGIN
              ${notes.join(' ')} UPDATE engine SET generation = generation + 1; END`,
          );
        }
  }

  /** Every record, and every copy: its record may be gone. */
  #markAll(): void {
    const add = (kind: string, key: string): void =>
      this.#database.run('INSERT INTO changed VALUES (?, ?)', kind, key);
    for (const { kind, key } of readCopies(this.#options.dataDir).copies) add(kind, key);
    for (const [kind, tables] of Object.entries(RECORD_KINDS))
      for (const { table, key } of tables.slice(0, 1))
        this.#database.run(`INSERT INTO changed SELECT ?, ${key} FROM ${table}`, kind);
    this.#schedule(0);
  }

  #schedule(delay: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#writing = this.#writing.then(() => this.#flush());
    }, delay).unref();
  }

  #cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #flush(): Promise<void> {
    const database = this.#database;
    const changed = database.all('SELECT DISTINCT kind, key FROM changed');
    if (changed.length === 0) return;
    const generation = generationOf(database);
    const files = changed
      .map((row) => this.#fileOf(String(row['kind']), String(row['key']), generation))
      .filter(({ text, name }) => text !== null || !this.#kept.has(name));
    database.run('DELETE FROM changed');
    try {
      for (const { path, text } of files)
        await (text === null ? rm(path, { force: true }) : replace(path, text));
      await replace(join(this.#folder, GENERATION_FILE), `${generation} ${this.#options.version}\n`);
    } catch (error) {
      this.#options.log(`writing copies of records failed: ${messageOf(error)}`);
      for (const { kind, key } of changed)
        database.run('INSERT INTO changed VALUES (?, ?)', kind ?? '', key ?? '');
      this.#cancel();
      this.#schedule(RETRY);
    }
  }

  #fileOf(kind: string, key: string, generation: number): CopyFile {
    const path = join(
      this.#folder,
      kind,
      `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`,
    );
    const tables = RECORD_KINDS[kind] ?? [];
    const rows = Object.fromEntries(
      tables.map(({ table, key: column }) => [
        table,
        this.#database.all(`SELECT * FROM ${table} WHERE ${column} = ?`, key),
      ]),
    );
    const name = `${kind} ${key}`;
    if ((rows[tables[0]?.table ?? ''] ?? []).length === 0) return { path, name, text: null };
    const copy = { generation, tables: this.#options.version, kind, key, rows };
    return { path, name, text: `${JSON.stringify(copy)}\n` };
  }

  /** Up to where the copies go, and of which version of the tables they are. */
  #state(): { readonly copied: number; readonly version: number } {
    try {
      const text = readFileSync(join(this.#folder, GENERATION_FILE), 'utf8');
      const [copied = 0, version = 0] = text.split(' ').map(Number);
      if (Number.isInteger(copied) && Number.isInteger(version)) return { copied, version };
    } catch {
      // The first time, or lost.
    }
    const { copies } = readCopies(this.#options.dataDir);
    return { copied: Math.max(0, ...copies.map(({ generation }) => generation)), version: 0 };
  }
}

/** Every copy that can be understood, in the order in which they can be inserted; and what is wrong with the others. */
export function readCopies(dataDir: string): { copies: readonly RecordCopy[]; faults: readonly string[] } {
  const copies: RecordCopy[] = [];
  const faults: string[] = [];
  for (const kind of Object.keys(RECORD_KINDS)) {
    const folder = join(dataDir, FOLDER, kind);
    for (const name of namesIn(folder).filter((one) => one.endsWith('.json'))) {
      const result = v.safeParse(copySchema, parsed(join(folder, name)));
      if (result.success && result.output.kind === kind) copies.push(result.output);
      else faults.push(join(folder, name));
    }
  }
  return { copies, faults };
}

/** Puts a record's rows in the place of those that are there. Rows name columns of the tables, nothing else. Throws what SQLite says. */
export function insertCopy(database: Database, { kind, key, rows }: RecordCopy, dataDir: string): void {
  const tables = RECORD_KINDS[kind] ?? [];
  for (const row of Object.values(rows).flat()) addBlobs(database, row, dataDir);
  for (const { table, key: column } of tables.toReversed())
    if (table !== 'layers') database.run(`DELETE FROM ${table} WHERE ${column} = ?`, key);
  for (const { table } of tables) for (const row of rows[table] ?? []) insertRow(database, table, row);
}

/** Also used for rows that come from another database. A row that is there stays. */
export function insertRow(database: Database, table: string, row: SqlRow): void {
  const known = new Set(database.all(`PRAGMA table_info(${table})`).map((column) => String(column['name'])));
  const columns = Object.keys(row).filter((column) => known.has(column));
  const values = columns.map((column): SqlValue => row[column] ?? null);
  const places = columns.map(() => '?').join(', ');
  database.run(`INSERT OR IGNORE INTO ${table} (${columns.join(', ')}) VALUES (${places})`, ...values);
}

/** The blobs that a row names, as far as their files are there: other rows refer to theirs. */
function addBlobs(database: Database, row: SqlRow, dataDir: string): void {
  for (const value of Object.values(row)) {
    const hex = typeof value === 'string' ? /^sha256:([0-9a-f]{64})$/.exec(value)?.[1] : undefined;
    const size = hex === undefined ? null : sizeOf(join(dataDir, 'blobs/sha256', hex));
    if (hex !== undefined && size !== null)
      database.run('INSERT OR IGNORE INTO blobs VALUES (?, ?, ?)', `sha256:${hex}`, size, Date.now());
  }
}

function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}

function generationOf(database: Database): number {
  return Number(database.get('SELECT generation FROM engine')?.['generation'] ?? 0);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function parsed(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
