import { checksums, readNumber, readText } from './fields.ts';
import { TarError, type TarHeader, type TarType } from './types.ts';

/** One header block, read. */
export interface RawHeader {
  /** Type flag as in the block. */
  readonly flag: string;
  /** Bytes that follow, as the block says. */
  readonly size: number;
  /** A type flag of before ustar, where a trailing slash makes a folder. */
  readonly oldFile: boolean;
  readonly header: TarHeader;
}

/** Type flags (POSIX ustar, GNU): `7` is contiguous, `S` sparse, `D` an incremental dump's folder. */
const TYPES: Readonly<Record<string, TarType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  S: 'file',
  V: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  D: 'directory',
  '6': 'fifo',
  x: 'file',
  X: 'file',
  g: 'file',
  L: 'file',
  K: 'file',
};

/** Reads a block; null when it is all zeros. Throws when it is no header. */
export function readHeaderBlock(block: Uint8Array): RawHeader | null {
  const sums = checksums(block);
  // All blanks in the checksum's place and nothing else.
  if (sums.unsigned === 8 * 0x20 && block.every((byte) => byte === 0)) return null;
  const sum = readNumber(block, 148, 8, 'checksum');
  if (sum !== sums.unsigned && sum !== sums.signed)
    throw new TarError('a header has a wrong checksum: this is no tar archive, or it is damaged');
  const flag = String.fromCharCode(block[156] ?? 0);
  const type = TYPES[flag];
  if (type === undefined)
    throw new TarError(`the archive has a member of the unknown type ${JSON.stringify(flag)}`);
  const size = readNumber(block, 124, 12, 'size');
  if (size < 0) throw new TarError('a member has a negative size');
  const device = type === 'character-device' || type === 'block-device';
  return {
    flag,
    size,
    oldFile: flag === '\0' || flag === '0',
    header: {
      name: nameOf(block),
      type,
      mode: readNumber(block, 100, 8, 'mode') & 0o7777,
      uid: unsigned(readNumber(block, 108, 8, 'uid')),
      gid: unsigned(readNumber(block, 116, 8, 'gid')),
      size: 0,
      mtime: BigInt(readNumber(block, 136, 12, 'mtime')) * 1_000_000_000n,
      linkName: readText(block, 157, 100),
      devMajor: device ? readNumber(block, 329, 8, 'device number') : 0,
      devMinor: device ? readNumber(block, 337, 8, 'device number') : 0,
      userName: hasMagic(block) ? readText(block, 265, 32) : '',
      groupName: hasMagic(block) ? readText(block, 297, 32) : '',
      xattrs: new Map(),
    },
  };
}

function hasMagic(block: Uint8Array): boolean {
  return readText(block, 257, 5) === 'ustar';
}

/** The prefix field is POSIX's only: GNU ("ustar  ") and star keep other things there. */
function nameOf(block: Uint8Array): string {
  const name = readText(block, 0, 100);
  if (readText(block, 257, 6) !== 'ustar' || block[262] !== 0) return name;
  const star = readText(block, 508, 4) === 'tar';
  const prefix = readText(block, 345, star ? 131 : 155);
  return prefix === '' ? name : `${prefix}/${name}`;
}

function unsigned(value: number): number {
  if (value < 0) throw new TarError('a member has a negative owner');
  return value;
}
