import { parseGoDuration } from '../../lib/go-duration.ts';
import { nanosecondsOf, parseTimestamp as parseMoment } from '../../lib/timestamp.ts';

const NANOSECONDS_PER_SECOND = 1_000_000_000n;

/** Go's durations, `1h30m`, `1.5s`, in milliseconds; null when it is none. */
export function parseDuration(value: string): number | null {
  const nanoseconds = parseGoDuration(value);
  return nanoseconds === null ? null : nanoseconds / 1e6;
}

/**
 * `--since` and `--until`: a duration before now (`10m`), or a time (see the library's `parseTimestamp`). Returns `seconds.nanoseconds` for
 * the engine. Throws an Error that says what is wrong.
 */
export function parseTimestamp(value: string, now = Date.now()): string {
  const duration = value === '0' ? null : parseDuration(value);
  const time = duration === null ? parseMoment(value) : nanosecondsOf(now - duration);
  if (time === null || time < 0n)
    throw new Error(
      "it must be a duration such as '10m', a date such as '2026-01-02T15:04:05', or seconds since the epoch",
    );
  const [whole, rest] = [time / NANOSECONDS_PER_SECOND, time % NANOSECONDS_PER_SECOND];
  return rest === 0n ? String(whole) : `${whole}.${String(rest).padStart(9, '0')}`;
}

/** Whole seconds: `10`, or a duration such as `10s`. -1 waits for ever. */
export function parseSeconds(value: string): number {
  if (/^-?\d{1,9}$/.test(value)) return Number(value);
  const duration = parseDuration(value);
  if (duration === null) throw new Error('it must be a number of seconds');
  return Math.ceil(duration / 1000);
}
