const NANOSECONDS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
/** Go's durations have 64 bits: some 292 years. */
const LONGEST = 2 ** 63;
/** Characters: nobody writes a duration with more. */
const LONGEST_TEXT = 256;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Nanoseconds of a duration as Go reads it (time.ParseDuration): `1m30s`, `1.5h`, `-.5s`, `0`; null when it is none. */
export function parseGoDuration(text: string): number | null {
  if (text.length > LONGEST_TEXT) return null;
  if (/^[+-]?0$/.test(text)) return 0;
  if (!/^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return null;
  let total = 0;
  for (const [, number = '', unit = ''] of text.matchAll(/([\d.]+)([a-zµμ]+)/g))
    total += Number(number) * (NANOSECONDS[unit] ?? 0);
  const whole = Math.round(total);
  if (whole >= LONGEST) return null;
  return text.startsWith('-') && whole !== 0 ? -whole : whole;
}

/** Milliseconds as Go prints durations: `200ms`, `1.5s`, `2m0s`, `1h0m0s`. */
export function goDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s';
  if (milliseconds < SECOND) return `${milliseconds}ms`;
  const hours = Math.floor(milliseconds / HOUR);
  const minutes = Math.floor((milliseconds % HOUR) / MINUTE);
  const seconds = (milliseconds % MINUTE) / SECOND;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
