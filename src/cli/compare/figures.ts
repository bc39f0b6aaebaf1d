const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
const DECIMAL = ['', ' thousand', ' million', ' billion'] as const;
const DECIMAL_BYTES = ['B/s', 'kB/s', 'MB/s', 'GB/s', 'TB/s'] as const;

/** Three significant digits, never with an exponent. */
function significant(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value
    .toFixed(Math.min(digits, 3))
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');
}

function scaled(value: number, base: number, units: readonly string[], gap: string): string {
  let rest = value;
  let unit = 0;
  while (rest >= base && unit < units.length - 1) {
    rest /= base;
    unit += 1;
  }
  return `${significant(rest)}${gap}${units[unit] ?? ''}`;
}

/** `2.3 MiB` */
export function bytesText(bytes: number): string {
  return scaled(bytes, 1024, BINARY, ' ');
}

/** `1.5 GB/s` */
export function byteRateText(perSecond: number): string {
  return scaled(perSecond, 1000, DECIMAL_BYTES, ' ');
}

/** `102 million/s` */
export function operationRateText(perSecond: number): string {
  return `${scaled(perSecond, 1000, DECIMAL, '')}/s`;
}

/** `58 ms`, `2.15 s` */
export function timeText(milliseconds: number): string {
  return milliseconds < 1000 ? `${significant(milliseconds)} ms` : `${significant(milliseconds / 1000)} s`;
}

/** `99%`, `5.3%` */
export function percentText(fraction: number): string {
  const percent = fraction * 100;
  return `${percent < 10 ? percent.toFixed(1).replace(/\.0$/, '') : percent.toFixed(0)}%`;
}

/** `63,197` */
export function countText(count: number): string {
  return count.toLocaleString('en-US');
}
