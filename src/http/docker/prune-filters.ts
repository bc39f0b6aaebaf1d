import { parseGoDuration } from '../../lib/go-duration.ts';
import { millisecondsOf, parseTimestamp } from '../../lib/timestamp.ts';
import { HullError } from '../../model/errors.ts';
import type { Filters } from '../filters.ts';

/** What prune requests of all resources know. */
export const PRUNE_FILTERS = ['until', 'label', 'label!'] as const;

/**
 * The time (milliseconds since the epoch) of `until`: Unix seconds, a date as Docker reads them, or a duration back from now. Infinity where the
 * filter is absent. Throws `invalid-argument`.
 */
export function untilTime(filters: Filters, now = Date.now()): number {
  const values = filters.get('until');
  if (values.length > 1) throw new HullError('invalid-argument', 'more than one until filter specified');
  const [text] = values;
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const time = parseTime(text, now);
  if (Number.isNaN(time))
    throw new HullError(
      'invalid-argument',
      `failed to parse "${text}" as a time or duration (filter "until")`,
    );
  return time;
}

/** `label` filters all match, and no `label!` filter does. */
export function labelsMatch(filters: Filters, labels: Readonly<Record<string, string>>): boolean {
  const without = filters.get('label!');
  return filters.labels(labels) && without.every((wanted) => !hasLabel(labels, wanted));
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const split = wanted.indexOf('=');
  const key = split === -1 ? wanted : wanted.slice(0, split);
  return Object.hasOwn(labels, key) && (split === -1 || labels[key] === wanted.slice(split + 1));
}

function parseTime(text: string, now: number): number {
  const nanoseconds = parseGoDuration(text);
  if (nanoseconds !== null && text !== '0') return now - nanoseconds / 1e6;
  const time = parseTimestamp(text);
  return time === null ? Number.NaN : millisecondsOf(time);
}
