import { findByNameOrId } from '../../lib/lookup.ts';
import { HullError } from '../../model/errors.ts';
import type { Database } from '../../state/database.ts';
import type { InstanceConfig } from '../../model/instance.ts';
import { readRecord, writeRecord } from '../../state/record-format.ts';
import { damagedError, type DamagedInstance, DamagedInstances } from './damaged.ts';
import { INSTANCE_FORMAT } from './record-format.ts';
import type { InstanceRecord } from './record.ts';
import { type InstanceEvent, transition } from './transition.ts';

/** Every instance, in memory and (written through) in the database. Lookups never touch the disk. A damaged row puts its own instance out of use alone. */
export class Registry {
  readonly damaged = new DamagedInstances();
  readonly #database: Database;
  readonly #records = new Map<string, InstanceRecord>();
  readonly #names = new Map<string, string>();

  constructor(database: Database) {
    this.#database = database;
    for (const { id, record } of database.all('SELECT id, record FROM instances'))
      this.#load(String(id), String(record));
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

  /** Of every row, damaged ones too. */
  ids(): Set<string> {
    return new Set([...this.#records.keys(), ...this.damaged.list().map(({ id }) => id)]);
  }

  byId(id: string): InstanceRecord | null {
    return this.#records.get(id) ?? null;
  }

  /** By full id, name, or unambiguous id prefix, in this order, as Docker looks them up. */
  get(nameOrId: string): InstanceRecord {
    const wanted = nameOrId.startsWith('/') ? nameOrId.slice(1) : nameOrId;
    const found = this.#find(wanted);
    if (found !== null && found.status.state !== 'removing') return found;
    const damaged = this.damagedBy(nameOrId);
    if (damaged !== null) throw damagedError(damaged);
    throw new HullError('instance-not-found', `No such container: ${nameOrId}`);
  }

  /** The instance that is meant, when its record is damaged and no other is meant. */
  damagedBy(nameOrId: string): DamagedInstance | null {
    const wanted = nameOrId.startsWith('/') ? nameOrId.slice(1) : nameOrId;
    return this.#find(wanted) === null ? this.damaged.find(wanted) : null;
  }

  idOfName(name: string): string | null {
    return this.#names.get(name) ?? this.damaged.list().find((one) => one.name === name)?.id ?? null;
  }

  insert(record: InstanceRecord): void {
    this.#database.run(
      'INSERT INTO instances (id, record) VALUES (?, ?)',
      record.config.id,
      writeRecord(INSTANCE_FORMAT, record),
    );
    this.#records.set(record.config.id, record);
    this.#names.set(record.config.name, record.config.id);
  }

  /** What has happened to an instance, by `transition`: written, then seen. Returns the new record; refuses with `wrong-state` what cannot happen. */
  apply(id: string, event: InstanceEvent): InstanceRecord {
    const after = this.#after(id, event);
    this.#write(after);
    if (after.status.state === 'removing' && this.#names.get(after.config.name) === id) {
      this.#names.delete(after.config.name);
    }
    return after;
  }

  /** Changes what is recorded of what the user asked for: a name, a connection, a limit. Returns the new record. */
  reconfigure(id: string, change: Partial<Omit<InstanceConfig, 'id'>>): InstanceRecord {
    const before = this.#known(id);
    const after: InstanceRecord = { ...before, config: { ...before.config, ...change } };
    this.#write(after);
    if (this.#names.get(before.config.name) === id) {
      this.#names.delete(before.config.name);
      this.#names.set(after.config.name, id);
    }
    return after;
  }

  /** Instances that mount the volume mount it by its new name. */
  renameVolume(name: string, to: string): void {
    for (const { config } of this.all()) {
      if (!config.mounts.some((mount) => mount.volume === name)) continue;
      const mounts = config.mounts.map((mount) => (mount.volume === name ? { ...mount, volume: to } : mount));
      this.reconfigure(config.id, { mounts });
    }
  }

  /** As `apply`, for what is not worth a write: lost with the daemon, unless a later event is written. */
  remember(id: string, event: InstanceEvent): InstanceRecord {
    const after = this.#after(id, event);
    this.#records.set(id, after);
    return after;
  }

  delete(id: string): void {
    const record = this.#records.get(id);
    this.#database.run('DELETE FROM instances WHERE id = ?', id);
    this.#records.delete(id);
    this.damaged.delete(id);
    if (record !== undefined && this.#names.get(record.config.name) === id)
      this.#names.delete(record.config.name);
  }

  #load(id: string, text: string): void {
    const reading = readRecord<InstanceRecord>(INSTANCE_FORMAT, text);
    if ('fault' in reading) return this.damaged.add(id, text, reading.fault);
    const { record } = reading;
    if (record.config.id !== id) return this.damaged.add(id, text, 'it says that it is another instance’s');
    this.#records.set(id, record);
    if (record.status.state !== 'removing') this.#names.set(record.config.name, id);
  }

  #after(id: string, event: InstanceEvent): InstanceRecord {
    const before = this.#known(id);
    const next = transition(before, event);
    if ('record' in next) return next.record;
    const { name } = before.config;
    const { state } = before.status;
    throw new HullError(
      'wrong-state',
      `instance ${name} is ${state}: the event '${event.type}' is not possible in this state`,
      {
        details: { refusal: next.refusal, state, event: event.type },
      },
    );
  }

  #known(id: string): InstanceRecord {
    const record = this.#records.get(id);
    if (record !== undefined) return record;
    throw new HullError('instance-not-found', `No such container: ${id}`);
  }

  #write(record: InstanceRecord): void {
    const { id } = record.config;
    this.#database.run(
      'UPDATE instances SET record = ? WHERE id = ?',
      writeRecord(INSTANCE_FORMAT, record),
      id,
    );
    this.#records.set(id, record);
  }

  #find(wanted: string): InstanceRecord | null {
    // Most ask by the full id: no need to look at all.
    const exact = this.#records.get(wanted) ?? this.#records.get(this.#names.get(wanted) ?? '');
    if (exact !== undefined) return exact;
    const found = findByNameOrId(this.list(), wanted, {
      id: ({ config }) => config.id,
      name: ({ config }) => config.name,
    });
    if ('one' in found) return found.one;
    if (found.matches > 1)
      throw new HullError(
        'ambiguous-id',
        `the id prefix ${wanted} matches ${found.matches} instances; give more characters`,
      );
    return null;
  }
}
