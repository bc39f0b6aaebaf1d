import type { Digest } from '../model/image.ts';
import type { Database } from './database.ts';

/** What a build step made, once: its layer, or null when it changed no file. `createdAt`: milliseconds since the epoch. */
export interface BuildStepRecord {
  readonly diffId: Digest | null;
  readonly createdAt: number;
}

/** A remembered step, for those who look at what the cache takes. */
export interface BuildStepEntry extends BuildStepRecord {
  readonly key: Digest;
  readonly bytes: number | null;
}

export interface BuildCacheRepository {
  find(key: Digest): BuildStepRecord | null;
  /** Replaces what the key had. */
  save(key: Digest, record: BuildStepRecord): void;
  /** The layers that it names. */
  layers(): ReadonlySet<Digest>;
  /** Every step, the oldest first. `bytes`: of its layer; null where the layer is gone. */
  list(): readonly BuildStepEntry[];
  /** Forgets what names layers that are no more. */
  prune(): void;
  forget(keys: readonly Digest[]): void;
}

/** Results of build steps by content key. */
export function buildCacheRepository(database: Database): BuildCacheRepository {
  return {
    find(key) {
      const row = database.get('SELECT diff_id, created_at FROM build_steps WHERE key = ?', key);
      if (row === null) return null;
      return { diffId: row['diff_id'] as Digest | null, createdAt: Number(row['created_at']) };
    },
    save(key, { diffId, createdAt }) {
      database.run(
        'INSERT OR REPLACE INTO build_steps (key, diff_id, created_at) VALUES (?, ?, ?)',
        key,
        diffId,
        createdAt,
      );
    },
    layers() {
      const rows = database.all('SELECT DISTINCT diff_id FROM build_steps WHERE diff_id IS NOT NULL');
      return new Set(rows.map((row) => row['diff_id'] as Digest));
    },
    list() {
      const rows = database.all(
        `SELECT key, build_steps.diff_id, created_at, unpacked_size FROM build_steps
         LEFT JOIN layers ON layers.diff_id = build_steps.diff_id ORDER BY created_at, key`,
      );
      return rows.map((row) => ({
        key: row['key'] as Digest,
        diffId: row['diff_id'] as Digest | null,
        createdAt: Number(row['created_at']),
        bytes:
          row['diff_id'] === null ? 0 : row['unpacked_size'] === null ? null : Number(row['unpacked_size']),
      }));
    },
    prune() {
      database.run(
        'DELETE FROM build_steps WHERE diff_id IS NOT NULL AND diff_id NOT IN (SELECT diff_id FROM layers)',
      );
    },
    forget(keys) {
      database.run(
        'DELETE FROM build_steps WHERE key IN (SELECT value FROM json_each(?))',
        JSON.stringify(keys),
      );
    },
  };
}
