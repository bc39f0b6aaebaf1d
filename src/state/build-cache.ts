import type { BuildCache } from '../build/cache.ts';
import { isDigest } from '../lib/digest.ts';
import type { Database } from './database.ts';
import { integer } from './rows.ts';

const MOST_RECORDS = 20_000;

/** Results of build steps, by key. Old ones go when there are too many: a step is then only done again. */
export function buildCacheRepository(database: Database): BuildCache {
  return {
    find(key) {
      const row = database.get('SELECT * FROM build_steps WHERE key = ?', key);
      if (row === null) return null;
      const diffId = row['diff_id'];
      const createdAt = integer(row, 'created_at');
      if (diffId === null || diffId === undefined) return { diffId: null, createdAt };
      return typeof diffId === 'string' && isDigest(diffId) ? { diffId, createdAt } : null;
    },
    save(key, { diffId, createdAt }) {
      database.transaction(() => {
        database.run('INSERT OR REPLACE INTO build_steps VALUES (?, ?, ?)', key, diffId, createdAt);
        database.run(
          'DELETE FROM build_steps WHERE key IN (SELECT key FROM build_steps ORDER BY created_at DESC LIMIT -1 OFFSET ?)',
          MOST_RECORDS,
        );
      });
    },
  };
}
