import type { Digest } from '../model/image.ts';
import type { Database } from './database.ts';

/** What a build step made, once: its layer, or null when it changed no file. `createdAt`: milliseconds since the epoch. */
export interface BuildStepRecord {
  readonly diffId: Digest | null;
  readonly createdAt: number;
}

export interface BuildCacheRepository {
  find(key: Digest): BuildStepRecord | null;
  /** Replaces what the key had. */
  save(key: Digest, record: BuildStepRecord): void;
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
  };
}
