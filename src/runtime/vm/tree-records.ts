import { memberBelow } from '../../lib/archive-path.ts';
import { decodeBytes, encodeBytes } from '../../lib/byte-text.ts';
import type { TarMember } from '../../lib/tar/encode.ts';
import type { TarHeader, TarType } from '../../lib/tar/types.ts';
import { HullError } from '../../model/errors.ts';

/**
 * Files as the guest sends and takes them (guest/PROTOCOL.md, "Trees"): a record, its name, link and attributes, then a file's data. The guest is
 * untrusted: lengths are bounded, names are checked by whoever uses them.
 */
export const RECORD_SIZE = 80;
const MAGIC = 0x454c4946;
const HARD_LINK = 1;
const BEFORE = 2;
const SENT = 4;
const PATH_MAX = 4096;
const XATTRS_MAX = 65_536;

const TYPES: ReadonlyMap<number, TarType> = new Map([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
  [0o020000, 'character-device'],
  [0o060000, 'block-device'],
  [0o010000, 'fifo'],
]);
const TYPE_BITS: ReadonlyMap<TarType, number> = new Map([...TYPES].map(([bits, type]) => [type, bits]));

/** The fixed part of a record. */
export interface TreeRecord {
  /** st_mode. */
  readonly mode: number;
  readonly type: TarType | null;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: bigint;
  readonly devMajor: number;
  readonly devMinor: number;
  /** Names that the file has, and what tells it from others. */
  readonly links: number;
  readonly identity: string;
  /** Where changes are asked for: what the image has at the path. */
  readonly before: boolean;
  /** Another name of a file whose data came before: none follows. */
  readonly sent: boolean;
  readonly pathSize: number;
  readonly linkSize: number;
  readonly xattrsSize: number;
}

/** Throws `guest-unreachable` for what is no record. */
export function parseRecord(bytes: Uint8Array): TreeRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (at: number): number => view.getUint32(at, true);
  const [mode, size] = [u32(4), view.getBigUint64(16, true)];
  const [pathSize, linkSize, xattrsSize] = [u32(64), u32(68), u32(72)];
  const fits = pathSize <= PATH_MAX && linkSize <= PATH_MAX && xattrsSize <= XATTRS_MAX;
  if (u32(0) !== MAGIC || !fits || size > BigInt(Number.MAX_SAFE_INTEGER) || u32(32) >= 1e9)
    throw new HullError('guest-unreachable', 'the guest agent breaks the protocol: a file has a wrong head');
  return {
    mode,
    type: TYPES.get(mode & 0o170000) ?? null,
    uid: u32(8),
    gid: u32(12),
    size: Number(size),
    mtime: view.getBigInt64(24, true) * 1_000_000_000n + BigInt(u32(32)),
    devMajor: u32(36),
    devMinor: u32(40),
    links: u32(44),
    identity: `${view.getBigUint64(48, true)}:${view.getBigUint64(56, true)}`,
    before: (u32(76) & BEFORE) !== 0,
    sent: (u32(76) & SENT) !== 0,
    ...{ pathSize, linkSize, xattrsSize },
  };
}

/** `{u16 name length, u32 value length, name, value}`, repeated; what is malformed ends it. */
export function parseXattrs(bytes: Uint8Array): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 6 <= bytes.length;) {
    const [name, value] = [view.getUint16(at, true), view.getUint32(at + 2, true)];
    const start = at + 6;
    if (name + value > bytes.length - start) break;
    // A name with "=" has no place in a tar.
    const text = decodeBytes(bytes.subarray(start, start + name));
    if (!text.includes('=')) found.set(text, bytes.slice(start + name, start + name + value));
    at = start + name + value;
  }
  return found;
}

/** A tar's member as a record with all that comes before its data. `name`, `link`: cleaned. */
export function encodeRecord(header: TarHeader, name: string, link: string): Uint8Array {
  const [path, target, xattrs] = [encodeBytes(name), encodeBytes(link), encodeXattrs(header.xattrs)];
  if (path.length >= PATH_MAX || target.length >= PATH_MAX || xattrs.length > XATTRS_MAX)
    throw new HullError('archive-invalid', `${name.slice(0, 100)}: the name is too long`);
  const bytes = new Uint8Array(RECORD_SIZE);
  const view = new DataView(bytes.buffer);
  const u32 = (at: number, value: number): void => view.setUint32(at, value, true);
  const nanoseconds = ((header.mtime % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  u32(0, MAGIC);
  u32(4, (TYPE_BITS.get(header.type) ?? 0o100000) | (header.mode & 0o7777));
  u32(8, header.uid);
  u32(12, header.gid);
  view.setBigUint64(16, BigInt(header.type === 'file' ? header.size : 0), true);
  view.setBigInt64(24, (header.mtime - nanoseconds) / 1_000_000_000n, true);
  u32(32, Number(nanoseconds));
  u32(36, header.devMajor);
  u32(40, header.devMinor);
  u32(64, path.length);
  u32(68, target.length);
  u32(72, xattrs.length);
  u32(76, header.type === 'hardlink' ? HARD_LINK : 0);
  return Buffer.concat([bytes, path, target, xattrs]);
}

function encodeXattrs(xattrs: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const [name, value] of xattrs) {
    const text = encodeBytes(name);
    const head = Buffer.alloc(6);
    head.writeUInt16LE(text.length, 0);
    head.writeUInt32LE(value.length, 2);
    pieces.push(head, text, value);
  }
  return Buffer.concat(pieces);
}

/** A record as a tar's member: `below` is its path in the tree, '' for the tree itself. Null for what no archive can hold. */
export function memberOf(
  record: TreeRecord,
  names: { base: string; below: string; link: string; xattrs: ReadonlyMap<string, Uint8Array> },
): TarMember | null {
  if (record.type === null) return null;
  return {
    name: names.below === '' ? names.base : memberBelow(names.base, names.below),
    type: record.type,
    mode: record.mode & 0o7777,
    uid: record.uid,
    gid: record.gid,
    size: record.type === 'file' ? record.size : 0,
    mtime: record.mtime,
    linkName: record.type === 'symlink' ? names.link : '',
    devMajor: record.devMajor,
    devMinor: record.devMinor,
    xattrs: names.xattrs,
  };
}
