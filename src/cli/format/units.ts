const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'] as const;
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB'] as const;

/** Bytes by thousands, as docker prints images: `4.13MB`. `precision`: significant digits. */
export function humanSize(bytes: number, precision = 4): string {
  return scaled(bytes, 1000, DECIMAL, precision);
}

/** Bytes by 1024, as docker prints memory: `644KiB`. */
export function binarySize(bytes: number): string {
  return scaled(bytes, 1024, BINARY, 4);
}

function scaled(size: number, base: number, units: readonly string[], precision: number): string {
  let value = size;
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit += 1;
  }
  return significant(value, precision) + (units[unit] ?? '');
}

/** As C's `%.{precision}g`, for the range that sizes have. */
function significant(value: number, precision: number): string {
  if (value === 0) return '0';
  const exponent = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(precision)))));
  if (exponent < -4 || exponent >= precision) {
    const [mantissa = '', power = '0'] = value.toExponential(precision - 1).split('e');
    const digits = String(Math.abs(Number(power))).padStart(2, '0');
    return `${Number(mantissa)}e${Number(power) < 0 ? '-' : '+'}${digits}`;
  }
  return String(Number(value.toPrecision(precision)));
}

/** As go-units' HumanDuration: `Less than a second`, `3 seconds`, `About a minute`, `2 weeks`. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  return longDuration(Math.floor(milliseconds / 3_600_000 + 0.5));
}

function longDuration(hours: number): string {
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 14) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 60) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(hours / 24 / 365)} years`;
}

/** `2 minutes ago`. */
export function ago(thenMilliseconds: number, now = Date.now()): string {
  return `${humanDuration(now - thenMilliseconds)} ago`;
}

/** As Go's time.Time.String in the local zone: `2026-11-22 12:39:31 +0000 UTC`. */
export function localTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  const offset = -date.getTimezoneOffset();
  const shifted = new Date(milliseconds + offset * 60_000).toISOString();
  const zone = offset === 0 ? 'UTC' : zoneName(date);
  return `${shifted.slice(0, 10)} ${shifted.slice(11, 19)} ${offsetText(offset)} ${zone}`;
}

/** `+0100` */
export function offsetText(minutes: number, separator = ''): string {
  const digits = (value: number) => String(value).padStart(2, '0');
  const absolute = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${digits(Math.trunc(absolute / 60))}${separator}${digits(absolute % 60)}`;
}

function zoneName(date: Date): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
}
