import { decodeBytes, encodeBytes } from '../byte-text.ts';
import { concat } from '../streams.ts';
import { TarError } from './types.ts';

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;
const MAX_RECORDS = 200_000;

/**
 * Records of a pax extended header (POSIX pax, "length key=value\n"), in order. Values are bytes: those of `SCHILY.xattr.*` may hold anything,
 * newlines and NULs too, which is why the length and not the newline ends a record.
 */
export function parsePax(data: Uint8Array): readonly (readonly [string, Uint8Array])[] {
  const records: [string, Uint8Array][] = [];
  let at = 0;
  // Some writers fill up with NULs.
  while (at < data.length && data[at] !== 0) {
    const space = data.indexOf(SPACE, at);
    const digits = space < 0 ? '' : decodeBytes(data.subarray(at, Math.min(space, at + 12)));
    if (!/^[1-9]\d{0,9}$/.test(digits))
      throw new TarError('an extended header has a record without a length');
    const end = at + Number(digits);
    if (end > data.length || end <= space + 2 || data[end - 1] !== NEWLINE)
      throw new TarError('an extended header has a record of a wrong length');
    const equals = data.indexOf(EQUALS, space);
    if (equals < 0 || equals >= end) throw new TarError('an extended header has a record without "="');
    records.push([decodeBytes(data.subarray(space + 1, equals)), data.slice(equals + 1, end - 1)]);
    if (records.length > MAX_RECORDS) throw new TarError('an extended header has too many records');
    at = end;
  }
  return records;
}

/** Records to the bytes of an extended header, in the order given. */
export function formatPax(records: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  return concat(records.map(([key, value]) => formatRecord(encodeBytes(key), value)));
}

function formatRecord(key: Uint8Array, value: Uint8Array): Uint8Array {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  // The length counts its own digits, which may carry it over to one digit more.
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  const prefix = encodeBytes(`${length} `);
  return concat([prefix, key, Uint8Array.of(EQUALS), value, Uint8Array.of(NEWLINE)]);
}

/** A pax time ("1700000000.123456789", also negative) in nanoseconds. Digits past the ninth are cut off, towards the past. */
export function parsePaxTime(text: string): bigint {
  const match = /^(-?)(\d{1,18})(?:\.(\d*))?$/.exec(text);
  if (match === null) throw new TarError(`not a time: ${JSON.stringify(text.slice(0, 40))}`);
  const [, sign, seconds = '0', fraction = ''] = match;
  const nanoseconds = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return sign === '-' ? -nanoseconds : nanoseconds;
}

/** The inverse of `parsePaxTime`, without needless digits. */
export function formatPaxTime(nanoseconds: bigint): string {
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const fraction = String(size % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${nanoseconds < 0n ? '-' : ''}${size / 1_000_000_000n}${fraction === '' ? '' : `.${fraction}`}`;
}
