import { decodeBytes } from '../byte-text.ts';
import { TarError } from './types.ts';

/** Bytes up to the first NUL, as text. */
export function readText(block: Uint8Array, at: number, length: number): string {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return decodeBytes(end < 0 ? field : field.subarray(0, end));
}

/**
 * A number field: octal digits with blanks or NULs around (POSIX ustar), or base-256 when the first bit is set (GNU, star): two's complement,
 * big-endian. Throws when it is neither or does not fit a safe integer.
 */
export function readNumber(block: Uint8Array, at: number, length: number, name: string): number {
  const field = block.subarray(at, at + length);
  if (((field[0] ?? 0) & 0x80) !== 0) return readBase256(field, name);
  const text = readText(field, 0, length).trim();
  if (text === '') return 0;
  if (!/^[0-7]+$/.test(text))
    throw new TarError(`the ${name} field is not an octal number: ${JSON.stringify(text)}`);
  return safe(Number.parseInt(text, 8), name);
}

function readBase256(field: Uint8Array, name: string): number {
  const first = field[0] ?? 0;
  // The marker bit is no part of the number; the next one is its sign.
  let value = BigInt((first & 0x40) === 0 ? first & 0x7f : first - 0x100);
  for (const byte of field.subarray(1)) value = value * 256n + BigInt(byte);
  if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER))
    throw new TarError(`the ${name} field is out of range`);
  return Number(value);
}

/** Octal, NUL-terminated; false when the number does not fit (a pax record carries it then). */
export function writeOctal(block: Uint8Array, at: number, length: number, value: number): boolean {
  const digits = value.toString(8);
  const fits = Number.isSafeInteger(value) && value >= 0 && digits.length < length;
  const text = (fits ? digits : '0').padStart(length - 1, '0');
  for (let index = 0; index < text.length; index++) block[at + index] = text.charCodeAt(index);
  block[at + length - 1] = 0;
  return fits;
}

/** Sum of the header's bytes with the checksum field taken as blanks: as unsigned bytes (POSIX), and as signed ones (old writers). */
export function checksums(block: Uint8Array): { unsigned: number; signed: number } {
  let unsigned = 0;
  let signed = 0;
  for (let index = 0; index < 512; index++) {
    const byte = index >= 148 && index < 156 ? 0x20 : (block[index] ?? 0);
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  return { unsigned, signed };
}

/** Decimal digits to a safe, non-negative integer. */
export function decimal(text: string, name: string): number {
  if (!/^\d{1,20}$/.test(text))
    throw new TarError(`${name} is not a decimal number: ${JSON.stringify(text.slice(0, 40))}`);
  return safe(Number(text), name);
}

function safe(value: number, name: string): number {
  if (!Number.isSafeInteger(value)) throw new TarError(`${name} is out of range`);
  return value;
}
