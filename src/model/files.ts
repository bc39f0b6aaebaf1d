/** A file inside an instance. */
export interface FileStat {
  /** Last part of the path as asked for; '.' for the contents of a folder, '/' for the root. */
  readonly name: string;
  readonly size: number;
  /** st_mode: type and permissions (inode(7)). */
  readonly mode: number;
  /** Nanoseconds since the epoch. */
  readonly mtime: bigint;
  /** Where a link leads in the end, as far as it can be followed inside the instance; '' for anything else. */
  readonly linkTarget: string;
}

/** What an instance has changed against its image. */
export interface FileChange {
  readonly path: string;
  readonly kind: 'modified' | 'added' | 'deleted';
}

/** A tar stream and what it begins with. Leaving the loop early ends the work. */
export interface FileArchive {
  readonly stat: FileStat;
  readonly stream: AsyncIterable<Uint8Array>;
}

export interface ExtractFilesOptions {
  /** Refuse to replace a folder by something else and the other way round. */
  readonly keepKinds: boolean;
  /** Give everything to this user of the instance's (`name`, `uid`, `user:group`), whatever the archive says. */
  readonly owner?: string;
  readonly readOnlyRoot: boolean;
}

/**
 * Places that a runtime makes as mount points, and Docker puts below an instance's own layer: they are no change of the instance's.
 */
export const MOUNT_STUBS: readonly string[] = [
  '/.dockerenv',
  '/dev',
  '/dev/console',
  '/dev/mqueue',
  '/dev/pts',
  '/dev/shm',
  '/etc',
  '/etc/hostname',
  '/etc/hosts',
  '/etc/mtab',
  '/etc/resolv.conf',
  '/proc',
  '/sbin/docker-init',
  '/sys',
];
