import { parseGoDuration } from '../../lib/go-duration.ts';

/** Go's durations, `1h30m`, `1.5s`, in milliseconds; null when it is none. */
export function parseDuration(value: string): number | null {
  const nanoseconds = parseGoDuration(value);
  return nanoseconds === null ? null : nanoseconds / 1e6;
}

/**
 * `--since` and `--until`: a duration before now (`10m`), seconds since the epoch (`1136073600.5`), or a date
 * (`2026-01-02T15:04:05Z`, `2026-01-02T15:04`, `2026-01-02`; local without a zone). Returns `seconds.nanoseconds` for the
 * engine. Throws an Error that says what is wrong.
 */
export function parseTimestamp(value: string, now = Date.now()): string {
  if (/^\d{1,12}(?:\.\d{1,9})?$/.test(value)) return value;
  const duration = parseDuration(value);
  if (duration !== null) return secondsText(now - duration);
  const date = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d(?::\d\d(?::\d\d(?:\.\d{1,9})?)?)?))?(Z|[+-]\d\d:\d\d)?$/.exec(
    value,
  );
  const time = date === null ? Number.NaN : Date.parse(`${date[1]}T${fullTime(date[2])}${date[3] ?? ''}`);
  if (Number.isNaN(time))
    throw new Error(
      "it must be a duration such as '10m', a date such as '2026-01-02T15:04:05', or seconds since the epoch",
    );
  const fraction = /\.(\d{1,9})/.exec(date?.[2] ?? '')?.[1];
  return fraction === undefined ? secondsText(time) : `${Math.floor(time / 1000)}.${fraction.padEnd(9, '0')}`;
}

function fullTime(time: string | undefined): string {
  if (time === undefined) return '00:00:00';
  return time.length === 2
    ? `${time}:00:00`
    : time.length === 5
      ? `${time}:00`
      : time.replace(/(\.\d{3})\d+/, '$1');
}

function secondsText(milliseconds: number): string {
  const whole = Math.floor(milliseconds / 1000);
  const nanoseconds = Math.round((milliseconds - whole * 1000) * 1e6);
  return nanoseconds === 0 ? String(whole) : `${whole}.${String(nanoseconds).padStart(9, '0')}`;
}

/** Whole seconds: `10`, or a duration such as `10s`. -1 waits for ever. */
export function parseSeconds(value: string): number {
  if (/^-?\d{1,9}$/.test(value)) return Number(value);
  const duration = parseDuration(value);
  if (duration === null) throw new Error('it must be a number of seconds');
  return Math.ceil(duration / 1000);
}
