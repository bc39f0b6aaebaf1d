import { HullError } from '../../model/errors.ts';
import type { Database } from '../../state/database.ts';
import type { InstanceStatus } from '../../model/instance.ts';
import { FRESH_STATUS, type InstanceRecord } from './record.ts';

const FULL_ID = /^[0-9a-f]{64}$/;
const ID_PREFIX = /^[0-9a-f]{1,64}$/;

/** Every instance, in memory and (written through) in the database. Lookups never touch the disk. */
export class Registry {
  readonly #database: Database;
  readonly #records = new Map<string, InstanceRecord>();
  readonly #names = new Map<string, string>();

  constructor(database: Database) {
    this.#database = database;
    for (const row of database.all('SELECT record FROM instances')) {
      const stored = JSON.parse(String(row['record'])) as InstanceRecord;
      // One that an older engine wrote has not all of the fields.
      const record = { ...stored, status: { ...FRESH_STATUS, ...stored.status } };
      this.#records.set(record.config.id, record);
      if (record.status.state !== 'removing') this.#names.set(record.config.name, record.config.id);
    }
  }

  /** Newest first; without those that are being removed. */
  list(): readonly InstanceRecord[] {
    return [...this.#records.values()]
      .filter((record) => record.status.state !== 'removing')
      .toSorted((a, b) => b.config.createdAt - a.config.createdAt);
  }

  /** With those that are being removed. */
  all(): readonly InstanceRecord[] {
    return [...this.#records.values()];
  }

  byId(id: string): InstanceRecord | null {
    return this.#records.get(id) ?? null;
  }

  /** By full id, name, or unambiguous id prefix, in this order, as Docker looks them up. */
  get(nameOrId: string): InstanceRecord {
    const wanted = nameOrId.startsWith('/') ? nameOrId.slice(1) : nameOrId;
    const found = this.#find(wanted);
    if (found !== null && found.status.state !== 'removing') return found;
    throw new HullError('instance-not-found', `No such container: ${nameOrId}; see \`hull ps -a\``);
  }

  idOfName(name: string): string | null {
    return this.#names.get(name) ?? null;
  }

  insert(record: InstanceRecord): void {
    this.#database.run(
      'INSERT INTO instances (id, record) VALUES (?, ?)',
      record.config.id,
      JSON.stringify(record),
    );
    this.#records.set(record.config.id, record);
    this.#names.set(record.config.name, record.config.id);
  }

  /** Merges a change into a record and writes it. Returns the new record. */
  update(
    id: string,
    change: Partial<Omit<InstanceRecord, 'config' | 'status'>>,
    status: Partial<InstanceStatus> = {},
  ): InstanceRecord {
    const before = this.#records.get(id);
    if (before === undefined)
      throw new HullError('instance-not-found', `No such container: ${id}; see \`hull ps -a\``);
    const after: InstanceRecord = { ...before, ...change, status: { ...before.status, ...status } };
    this.#database.run('UPDATE instances SET record = ? WHERE id = ?', JSON.stringify(after), id);
    this.#records.set(id, after);
    if (after.status.state === 'removing' && this.#names.get(after.config.name) === id) {
      this.#names.delete(after.config.name);
    }
    return after;
  }

  delete(id: string): void {
    const record = this.#records.get(id);
    this.#database.run('DELETE FROM instances WHERE id = ?', id);
    this.#records.delete(id);
    if (record !== undefined && this.#names.get(record.config.name) === id)
      this.#names.delete(record.config.name);
  }

  #find(wanted: string): InstanceRecord | null {
    if (FULL_ID.test(wanted)) {
      const exact = this.#records.get(wanted);
      if (exact !== undefined) return exact;
    }
    const named = this.#names.get(wanted);
    if (named !== undefined) return this.byId(named);
    if (!ID_PREFIX.test(wanted)) return null;
    const matches = this.list().filter((record) => record.config.id.startsWith(wanted));
    if (matches.length > 1) {
      throw new HullError(
        'ambiguous-id',
        `the id prefix ${wanted} matches ${matches.length} instances; give more characters`,
      );
    }
    return matches[0] ?? null;
  }
}
