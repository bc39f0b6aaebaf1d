import type { NetworkDefinition } from '../model/network.ts';
import type { Database } from './database.ts';
import { json } from './rows.ts';

export interface NetworkRepository {
  /** Oldest first. */
  list(): readonly NetworkDefinition[];
  /** On the disk when it returns: containers may be started on it at once. */
  add(definition: NetworkDefinition): void;
  remove(id: string): void;
}

/** The users' networks. */
export function networkRepository(database: Database): NetworkRepository {
  return {
    list: () =>
      database
        .all('SELECT definition FROM networks ORDER BY created_at, id')
        .map((row) => json<NetworkDefinition>(row, 'definition')),
    add: (definition) =>
      database.durably(() =>
        database.run(
          'INSERT INTO networks VALUES (?, ?, ?)',
          definition.id,
          JSON.stringify(definition),
          definition.createdAt,
        ),
      ),
    remove: (id) => database.run('DELETE FROM networks WHERE id = ?', id),
  };
}
