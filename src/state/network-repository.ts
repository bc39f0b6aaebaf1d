import type { NetworkDefinition } from '../model/network.ts';
import type { Database, SqlRow } from './database.ts';
import { NETWORK_FORMAT } from './formats.ts';
import { writeRecord } from './record-format.ts';
import { faultIn, json, text, understood } from './rows.ts';

export interface NetworkRepository {
  /** Oldest first; without those whose rows cannot be understood. */
  list(): readonly NetworkDefinition[];
  /** On the disk when it returns: containers may be started on it at once. */
  add(definition: NetworkDefinition): void;
  remove(id: string): void;
  /** Rows that cannot be understood. */
  damaged(): readonly { readonly id: string; readonly text: string; readonly fault: string }[];
}

/** The users' networks. */
export function networkRepository(database: Database): NetworkRepository {
  return {
    list: () => understood(database.all('SELECT * FROM networks ORDER BY created_at, id'), toNetwork),
    add: (definition) =>
      database.durably(() =>
        database.run(
          'INSERT INTO networks VALUES (?, ?, ?)',
          definition.id,
          writeRecord(NETWORK_FORMAT, definition),
          definition.createdAt,
        ),
      ),
    remove: (id) => database.run('DELETE FROM networks WHERE id = ?', id),
    damaged: () =>
      database.all('SELECT * FROM networks ORDER BY created_at, id').flatMap((row) => {
        const fault = faultIn(row, toNetwork);
        return fault === null ? [] : [{ id: text(row, 'id'), text: text(row, 'definition'), fault }];
      }),
  };
}

function toNetwork(row: SqlRow): NetworkDefinition {
  return json(row, 'definition', NETWORK_FORMAT);
}
