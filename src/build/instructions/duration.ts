const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** A duration as Docker writes it (`1m30s`, `1.5h`), in nanoseconds; null when malformed. */
export function parseDuration(text: string): number | null {
  if (text === '0') return 0;
  let rest = text;
  let total = 0;
  while (rest !== '') {
    const match = /^(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/u.exec(rest);
    const [whole = '', number = '', unit = ''] = match ?? [];
    if (whole === '') return null;
    total += Number(number) * (UNITS[unit] ?? 0);
    rest = rest.slice(whole.length);
  }
  return text === '' || !Number.isSafeInteger(Math.round(total)) ? null : Math.round(total);
}
