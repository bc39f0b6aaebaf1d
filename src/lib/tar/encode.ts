import { encodeBytes } from '../byte-text.ts';
import { concat } from '../streams.ts';
import { checksums, writeOctal } from './fields.ts';
import { formatPax, formatPaxTime } from './pax.ts';
import { BLOCK, paddingOf, TarError, type TarHeader, type TarType } from './types.ts';

/** What a writer must know of a member; the rest has defaults: root's, no time, no links. */
export type TarMember = Partial<Omit<TarHeader, 'sparse'>> & Pick<TarHeader, 'name' | 'type'>;

const FLAGS: Readonly<Record<TarType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
};
const PRINTABLE = /^[\x20-\x7e]*$/;

/** The two empty blocks that close an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK);

/**
 * The blocks before a member's data: a ustar header, and a pax extended header before it when something does not fit or is no plain ASCII.
 * The same member always gives the same bytes.
 */
export function encodeHeader(member: TarMember): Uint8Array {
  const name = member.type === 'directory' && !member.name.endsWith('/') ? `${member.name}/` : member.name;
  if (name.includes('\0') || member.linkName?.includes('\0') === true)
    throw new TarError('a name has a NUL byte');
  const records: (readonly [string, Uint8Array])[] = [];
  const block = encodeBlock(name, member, FLAGS[member.type], (key, value) =>
    records.push([key, encodeBytes(value)]),
  );
  const xattrs = [...(member.xattrs ?? new Map<string, Uint8Array>())].toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  );
  for (const [key, value] of xattrs) {
    if (key.includes('='))
      throw new TarError(`the extended attribute ${key} cannot be written: its name has "="`);
    records.push([`SCHILY.xattr.${key}`, value]);
  }
  if (records.length === 0) return block;
  const data = formatPax(records);
  const extended = encodeBlock(
    'PaxHeaders.0/member',
    { name: '', type: 'file', size: data.length, mode: 0o644 },
    'x',
    () => undefined,
  );
  return concat([extended, data, new Uint8Array(paddingOf(data.length)), block]);
}

/** Fills a header block; `overflow` is told what did not fit. */
function encodeBlock(
  name: string,
  member: TarMember,
  flag: string,
  overflow: (key: string, value: string) => void,
): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const mtime = member.mtime ?? 0n;
  const number = (at: number, length: number, value: number, key: string) => {
    if (!writeOctal(block, at, length, value)) overflow(key, String(value));
  };
  putText(block, 0, 100, name, (text) => overflow('path', text));
  number(100, 8, member.mode ?? (member.type === 'directory' ? 0o755 : 0o644), 'mode');
  number(108, 8, member.uid ?? 0, 'uid');
  number(116, 8, member.gid ?? 0, 'gid');
  number(124, 12, member.type === 'file' ? (member.size ?? 0) : 0, 'size');
  const seconds = mtime >= 0n ? Number(mtime / 1_000_000_000n) : -1;
  if (!writeOctal(block, 136, 12, seconds) || mtime % 1_000_000_000n !== 0n)
    overflow('mtime', formatPaxTime(mtime));
  block.set(encodeBytes(flag), 156);
  putText(block, 157, 100, member.linkName ?? '', (text) => overflow('linkpath', text));
  block.set(encodeBytes('ustar\x0000'), 257);
  putText(block, 265, 31, member.userName ?? '', (text) => overflow('uname', text));
  putText(block, 297, 31, member.groupName ?? '', (text) => overflow('gname', text));
  number(329, 8, member.devMajor ?? 0, 'SCHILY.devmajor');
  number(337, 8, member.devMinor ?? 0, 'SCHILY.devminor');
  const sum = checksums(block).unsigned.toString(8).padStart(6, '0');
  block.set(encodeBytes(`${sum}\0 `), 148);
  return block;
}

/** Puts what fits; anything that does not fit or is not ASCII goes to a record, and its head here for old readers. */
function putText(
  block: Uint8Array,
  at: number,
  length: number,
  text: string,
  overflow: (text: string) => void,
): void {
  const bytes = encodeBytes(text);
  if (bytes.length > length || !PRINTABLE.test(text)) overflow(text);
  block.set(bytes.subarray(0, length), at);
}
