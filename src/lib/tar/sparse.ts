import { decodeBytes } from '../byte-text.ts';
import { decimal, readNumber } from './fields.ts';
import { TarError, type TarLimits, type TarSegment } from './types.ts';

const LF = 0x0a;

/** Sparse entries (offset, length; 12 bytes each) of an old GNU header or of its extension block. */
export function readOldSparse(block: Uint8Array, at: number, count: number): TarSegment[] {
  const segments: TarSegment[] = [];
  for (let index = 0; index < count; index++) {
    const start = at + index * 24;
    if (block[start] === 0) break;
    segments.push({
      offset: readNumber(block, start, 12, 'sparse offset'),
      length: readNumber(block, start + 12, 12, 'sparse length'),
    });
  }
  return segments;
}

/** The map of GNU sparse 0.1: "offset,length,offset,length,…". */
export function readListedSparse(text: string, limits: TarLimits): TarSegment[] {
  const numbers = text === '' ? [] : text.split(',');
  if (numbers.length > limits.segments * 2) throw new TarError('a sparse file has too many pieces');
  return pairs(numbers.map((number) => decimal(number, 'sparse map')));
}

/** The map of GNU sparse 1.0: decimal lines (count, then offset and length in turn) in the blocks before the data. */
export class SparseMapReader {
  readonly #numbers: number[] = [];
  readonly #limits: TarLimits;
  #line: number[] = [];

  constructor(limits: TarLimits) {
    this.#limits = limits;
  }

  /** Takes one block; the map once it is complete, else null. */
  push(block: Uint8Array): TarSegment[] | null {
    for (const byte of block) {
      if (byte !== LF) {
        if (this.#line.length > 20) throw new TarError('a sparse map has a line that is too long');
        this.#line.push(byte);
        continue;
      }
      this.#numbers.push(decimal(decodeBytes(Uint8Array.from(this.#line)), 'sparse map'));
      this.#line = [];
      const count = this.#numbers[0] ?? 0;
      if (count > this.#limits.segments) throw new TarError('a sparse file has too many pieces');
      if (this.#numbers.length === 1 + count * 2) return pairs(this.#numbers.slice(1));
    }
    return null;
  }
}

/** Throws unless the pieces are in order, apart, inside the file, and need just the bytes that the archive has. */
export function checkSparse(segments: readonly TarSegment[], fileSize: number, stored: number): void {
  let end = 0;
  let bytes = 0;
  for (const { offset, length } of segments) {
    if (offset < end || offset + length > fileSize)
      throw new TarError('a sparse map has pieces that overlap or pass the end of the file');
    end = offset + length;
    bytes += length;
  }
  if (bytes !== stored) throw new TarError(`a sparse map names ${bytes} bytes, but ${stored} are stored`);
}

/** Bytes of old GNU extension blocks: 21 entries, then the flag that says whether one more follows. */
export const OLD_SPARSE = {
  inHeader: { at: 386, count: 4, more: 482, realSize: 483 },
  inBlock: { at: 0, count: 21, more: 504 },
} as const;

function pairs(numbers: readonly number[]): TarSegment[] {
  if (numbers.length % 2 !== 0) throw new TarError('a sparse map has an odd number of values');
  const segments: TarSegment[] = [];
  for (let index = 0; index < numbers.length; index += 2) {
    segments.push({ offset: numbers[index] ?? 0, length: numbers[index + 1] ?? 0 });
  }
  return segments;
}
