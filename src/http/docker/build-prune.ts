import type { CacheRule } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import { Filters } from '../filters.ts';
import type { Query } from '../query.ts';
import { labelsMatch, untilTime } from './prune-filters.ts';

/** Docker's own ids of build steps have 25 characters. */
const STEP_ID = 25;
const KNOWN = ['until', 'unused-for', 'id', 'type', 'shared', 'inuse', 'label', 'label!'];

/** The id of a cached step, as /system/df shows it. */
export function stepId(key: string): string {
  return key.slice(key.indexOf(':') + 1).slice(0, STEP_ID);
}

/** The query of POST /build/prune. Throws `invalid-argument`, and `not-supported` for what would keep more if it were understood. */
export function readCacheRule(query: Query): CacheRule {
  if ((query.integer('min-free-space') ?? 0) > 0)
    throw new HullError(
      'not-supported',
      'build/prune: "min-free-space" is not supported; say what to keep with "reserved-space"',
    );
  // The second and third are what the first became; where several are given, Docker's builder takes the largest as well.
  const keepBytes = Math.max(
    ...['keep-storage', 'reserved-space', 'max-used-space'].map((name) => query.integer(name) ?? 0),
  );
  const filters = Filters.read(query, KNOWN);
  return {
    all: query.flag('all'),
    ...(keepBytes > 0 ? { keepBytes } : {}),
    ...(KNOWN.some((name) => filters.has(name)) ? { matches: matcher(filters) } : {}),
  };
}

function matcher(filters: Filters): NonNullable<CacheRule['matches']> {
  const until = untilTime(sameTime(filters));
  const shared = filters.flag('shared');
  // No step is in use while the cache is pruned: nothing is being built.
  const unused = filters.flag('inuse') !== true;
  // Steps have no labels, so a wanted one is nowhere.
  const labelled = labelsMatch(filters, {});
  return (step) =>
    labelled &&
    unused &&
    step.createdAt < until &&
    (shared === undefined || step.shared === shared) &&
    filters.any('type', (type) => type === 'regular') &&
    filters.any('id', (id) => stepId(step.key).startsWith(id));
}

/** `unused-for` is the older name of `until`. */
function sameTime(filters: Filters): Filters {
  if (filters.has('until') && filters.has('unused-for'))
    throw new HullError('invalid-argument', 'conflicting filters: until and unused-for');
  return new Filters(new Map([['until', [...filters.get('until'), ...filters.get('unused-for')]]]));
}
