export type TarType =
  'file' | 'directory' | 'symlink' | 'hardlink' | 'character-device' | 'block-device' | 'fifo';

/** One member of an archive. Names are `lib/byte-text.ts` text, so that names that are not UTF-8 survive. */
export interface TarHeader {
  /** As in the archive: not cleaned, not checked. A folder's trailing slash is gone. */
  readonly name: string;
  readonly type: TarType;
  /** Permission bits with set-id and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a regular file as its reader sees it (holes included); 0 for every other type. */
  readonly size: number;
  /** Nanoseconds since the epoch. */
  readonly mtime: bigint;
  /** Target of a symlink, or the earlier member that a hard link names; else ''. */
  readonly linkName: string;
  readonly devMajor: number;
  readonly devMinor: number;
  readonly userName: string;
  readonly groupName: string;
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  /** The pieces of a sparse file that hold data, in order; absent for a plain file. */
  readonly sparse?: readonly TarSegment[];
}

export interface TarSegment {
  readonly offset: number;
  readonly length: number;
}

/** What a parser says: an `entry`, its `data` in order (offset in the file), its `end`. `data` is valid until the next event. */
export type TarEvent =
  | { readonly type: 'entry'; readonly header: TarHeader }
  | { readonly type: 'data'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: 'end' };

/** Bounds that hold for hostile archives. */
export interface TarLimits {
  /** Members. */
  readonly entries: number;
  /** Bytes of one extended header (pax, long name). */
  readonly headerBytes: number;
  /** Bytes of one file, holes included. */
  readonly fileBytes: number;
  /** Pieces of one sparse file. */
  readonly segments: number;
}

export const DEFAULT_TAR_LIMITS: TarLimits = {
  entries: 5_000_000,
  headerBytes: 4 * 1024 * 1024,
  fileBytes: 2 ** 43,
  segments: 100_000,
};

/** The archive is malformed. `member` names the place where known. */
export class TarError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TarError';
  }
}

export const BLOCK = 512;

/** Bytes that fill the last block of `size` bytes. */
export function paddingOf(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}
