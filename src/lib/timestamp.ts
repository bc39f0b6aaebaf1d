const NANOSECONDS_PER_MILLISECOND = 1_000_000n;
const SECONDS = /^(-?)(\d{1,12})(?:\.(\d+))?$/;
const DATE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?)?(Z|z|[+-]\d\d:\d\d)?$/;

/**
 * Nanoseconds since the epoch of a time as Docker's clients write it: seconds with a fraction (`1136073600.5`), or RFC 3339 with or without
 * its time, minutes, seconds and zone (`2026-01-02T15:04`; local without a zone). Null when it is neither. Exact: a double cannot tell two
 * nanoseconds of today from each other.
 */
export function parseTimestamp(text: string): bigint | null {
  const seconds = SECONDS.exec(text);
  if (seconds !== null) {
    const size = BigInt(seconds[2] ?? '') * 1_000_000_000n + fractionOf(seconds[3]);
    return seconds[1] === '-' ? -size : size;
  }
  const date = DATE.exec(text);
  if (date === null) return null;
  const [, day = '', hour = '00', minute = '00', second = '00', fraction, zone = ''] = date;
  const whole = Date.parse(`${day}T${hour}:${minute}:${second}${zone.toUpperCase()}`);
  return Number.isNaN(whole) ? null : nanosecondsOf(whole) + fractionOf(fraction);
}

/** Of a clock that counts milliseconds. */
export function nanosecondsOf(milliseconds: number): bigint {
  const whole = Math.floor(milliseconds);
  return BigInt(whole) * NANOSECONDS_PER_MILLISECOND + BigInt(Math.round((milliseconds - whole) * 1e6));
}

/** For timers; with a fraction, as exact as a double can be. */
export function millisecondsOf(nanoseconds: bigint): number {
  const rest = nanoseconds % NANOSECONDS_PER_MILLISECOND;
  return Number(nanoseconds / NANOSECONDS_PER_MILLISECOND) + Number(rest) / 1e6;
}

function fractionOf(digits = ''): bigint {
  return BigInt(digits.slice(0, 9).padEnd(9, '0'));
}
