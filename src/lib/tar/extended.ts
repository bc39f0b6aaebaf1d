import { decodeBytes, encodeBytes } from '../byte-text.ts';
import { concat } from '../streams.ts';
import { decimal } from './fields.ts';
import { parsePax, parsePaxTime } from './pax.ts';
import { checkSparse, readListedSparse } from './sparse.ts';
import { TarError, type TarHeader, type TarLimits, type TarSegment } from './types.ts';

/** Records that do not concern this reader's fields are kept out of memory. */
const XATTR = 'SCHILY.xattr.';
const XATTR_BASE64 = 'LIBARCHIVE.xattr.';

/** What extended headers say about the next member (`x`) or all that follow (`g`). */
export class ExtendedHeaders {
  #global = new Map<string, Uint8Array>();
  #local = new Map<string, Uint8Array>();
  #sparsePieces: number[] = [];
  #longName: string | null = null;
  #longLink: string | null = null;

  addGlobal(data: Uint8Array): void {
    for (const [key, value] of parsePax(data)) {
      if (value.length === 0) this.#global.delete(key);
      else this.#global.set(key, value);
    }
  }

  addLocal(data: Uint8Array, limits: TarLimits): void {
    for (const [key, value] of parsePax(data)) {
      // GNU sparse 0.0 repeats these two keys, once per piece.
      if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes')
        this.#sparsePieces.push(decimal(decodeBytes(value), key));
      else this.#local.set(key, value);
    }
    if (this.#sparsePieces.length > limits.segments * 2)
      throw new TarError('a sparse file has too many pieces');
  }

  set longName(data: Uint8Array) {
    this.#longName = cText(data);
  }

  set longLink(data: Uint8Array) {
    this.#longLink = cText(data);
  }

  /** Was an `x`, `L` or `K` seen that waits for its member? */
  get pending(): boolean {
    return (
      this.#local.size > 0 ||
      this.#longName !== null ||
      this.#longLink !== null ||
      this.#sparsePieces.length > 0
    );
  }

  /** Forgets what concerned one member. */
  reset(): void {
    this.#local = new Map();
    this.#sparsePieces = [];
    this.#longName = null;
    this.#longLink = null;
  }

  text(key: string): string | null {
    const value = this.#local.get(key) ?? this.#global.get(key);
    return value === undefined || value.length === 0 ? null : decodeBytes(value);
  }

  number(key: string): number | null {
    const text = this.text(key);
    return text === null ? null : decimal(text, key);
  }

  /** Bytes of the member in the archive, where a record says so. */
  get storedSize(): number | null {
    return this.number('size');
  }

  /** The header with everything that extended headers override. */
  apply(header: TarHeader): TarHeader {
    const time = this.text('mtime');
    return {
      ...header,
      name: this.text('GNU.sparse.name') ?? this.text('path') ?? this.#longName ?? header.name,
      linkName: this.text('linkpath') ?? this.#longLink ?? header.linkName,
      uid: this.number('uid') ?? header.uid,
      gid: this.number('gid') ?? header.gid,
      userName: this.text('uname') ?? header.userName,
      groupName: this.text('gname') ?? header.groupName,
      devMajor: this.number('SCHILY.devmajor') ?? header.devMajor,
      devMinor: this.number('SCHILY.devminor') ?? header.devMinor,
      mtime: time === null ? header.mtime : parsePaxTime(time),
      xattrs: this.#xattrs(),
    };
  }

  /** How the member is stored sparsely, told by GNU's records; null for a plain one. */
  sparse(limits: TarLimits, stored: number): PaxSparse | null {
    if (this.number('GNU.sparse.major') === 1 && (this.number('GNU.sparse.minor') ?? 0) === 0) {
      return { kind: 'map-in-data', fileSize: this.number('GNU.sparse.realsize') ?? 0 };
    }
    const map = this.text('GNU.sparse.map');
    const fileSize = this.number('GNU.sparse.size') ?? this.number('GNU.sparse.realsize');
    if (
      fileSize === null ||
      (map === null && this.#sparsePieces.length === 0 && this.number('GNU.sparse.numblocks') !== 0)
    )
      return null;
    const segments = readListedSparse(map ?? this.#sparsePieces.join(','), limits);
    checkSparse(segments, fileSize, stored);
    return { kind: 'map', fileSize, segments };
  }

  #xattrs(): ReadonlyMap<string, Uint8Array> {
    const xattrs = new Map<string, Uint8Array>();
    for (const records of [this.#global, this.#local]) {
      for (const [key, value] of records) {
        if (key.startsWith(XATTR_BASE64) && !xattrs.has(decodeName(key))) {
          xattrs.set(decodeName(key), Uint8Array.from(Buffer.from(decodeBytes(value), 'base64')));
        }
      }
      for (const [key, value] of records) {
        if (key.startsWith(XATTR)) xattrs.set(key.slice(XATTR.length), value);
      }
    }
    return xattrs;
  }
}

export type PaxSparse =
  | { readonly kind: 'map-in-data'; readonly fileSize: number }
  | { readonly kind: 'map'; readonly fileSize: number; readonly segments: readonly TarSegment[] };

/** A name with bytes that pax's keys cannot hold is percent-encoded by libarchive. */
function decodeName(key: string): string {
  const bytes = encodeBytes(key.slice(XATTR_BASE64.length));
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const hex =
      bytes[at] === 0x25
        ? /^[0-9a-fA-F]{2}$/.exec(decodeBytes(bytes.subarray(at + 1, at + 3)))?.[0]
        : undefined;
    parts.push(hex === undefined ? bytes.subarray(at, at + 1) : Uint8Array.of(Number.parseInt(hex, 16)));
    if (hex !== undefined) at += 2;
  }
  return decodeBytes(concat(parts));
}

function cText(data: Uint8Array): string {
  const end = data.indexOf(0);
  return decodeBytes(end < 0 ? data : data.subarray(0, end));
}
