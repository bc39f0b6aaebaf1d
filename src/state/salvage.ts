import { DatabaseSync } from 'node:sqlite';
import type { Database, SqlRow } from './database.ts';
import { insertRow } from './record-copies.ts';
import { RECORD_KINDS } from './record-kinds.ts';

/** What could be read of a database that is damaged or not to be trusted. */
export interface Salvage {
  /** How many migrations it has seen. */
  readonly version: number;
  /** Rows by table. */
  readonly tables: ReadonlyMap<string, readonly SqlRow[]>;
}

/** Reads row by row what can be read, and leaves the file as it is. Never throws; null when nothing can be read. */
export function salvage(path: string): Salvage | null {
  try {
    const sqlite = new DatabaseSync(path, { readOnly: true });
    try {
      const version = Number(Object.values(sqlite.prepare('PRAGMA user_version').get() ?? {})[0] ?? 0);
      const tables = [
        'blobs',
        ...Object.values(RECORD_KINDS).flatMap((kind) => kind.map(({ table }) => table)),
      ];
      return { version, tables: new Map(tables.map((table) => [table, rowsOf(sqlite, table)])) };
    } finally {
      sqlite.close();
    }
  } catch {
    return null;
  }
}

/** Adds what is not there yet. Returns how many records of each kind were added. */
export function insertSalvage(database: Database, { tables }: Salvage): ReadonlyMap<string, number> {
  for (const row of tables.get('blobs') ?? []) attempt(() => insertRow(database, 'blobs', row));
  const added = new Map<string, number>();
  for (const [kind, parts] of Object.entries(RECORD_KINDS)) {
    const [first] = parts;
    const known = new Set(
      database.all(`SELECT ${first?.key} AS key FROM ${first?.table}`).map(({ key }) => key),
    );
    for (const { table, key } of parts)
      for (const row of tables.get(table) ?? []) {
        // A record that came whole from its copy is not mixed with older rows.
        if (known.has(row[key] ?? null)) continue;
        const done = attempt(() => insertRow(database, table, row));
        if (done && table === first?.table) added.set(kind, (added.get(kind) ?? 0) + 1);
      }
  }
  return added;
}

function rowsOf(sqlite: DatabaseSync, table: string): SqlRow[] {
  const rows: SqlRow[] = [];
  attempt(() => {
    for (const row of sqlite.prepare(`SELECT * FROM ${table}`).iterate()) rows.push(row);
  });
  return rows;
}

/** A damaged page, a row that breaks a rule: the others may be whole. */
function attempt(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
