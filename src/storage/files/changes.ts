import { readdirSync } from 'node:fs';
import { LongPaths } from '../../host/long-paths.ts';
import type { TreeSyscalls } from '../../host/tree-syscalls.ts';
import { decodeBytes } from '../../lib/byte-text.ts';
import type { FileFacts, OverlaySides } from '../../lib/file-changes.ts';
import { OPAQUE_XATTR } from '../overlay-marks.ts';
import { lookAt } from '../tree-paths.ts';

/** Folders `upper` and `lower` of this process's world. */
export class FolderSides implements OverlaySides {
  readonly #syscalls: Pick<TreeSyscalls, 'xattrs'>;
  /** Each side has its own: what is asked for goes from one to the other. */
  readonly #upperPaths = new LongPaths();
  readonly #lowerPaths = new LongPaths();
  readonly #upper: string;
  readonly #lower: string;

  constructor(syscalls: Pick<TreeSyscalls, 'xattrs'>, upper: string, lower: string) {
    this.#syscalls = syscalls;
    this.#upper = upper;
    this.#lower = lower;
  }

  names(folder: string): string[] {
    return namesIn(this.#upper + folder, this.#upperPaths);
  }

  hidden(folder: string): string[] {
    const mark = this.#syscalls.xattrs(this.#upper + folder).get(OPAQUE_XATTR);
    return mark !== undefined && decodeBytes(mark) === 'y'
      ? namesIn(this.#lower + folder, this.#lowerPaths)
      : [];
  }

  now(path: string): FileFacts | null {
    return factsOf(this.#upper + path, this.#upperPaths);
  }

  before(path: string): FileFacts | null {
    return factsOf(this.#lower + path, this.#lowerPaths);
  }
}

function factsOf(path: string, paths: LongPaths): FileFacts | null {
  const found = lookAt(path, paths);
  if (found === null) return null;
  const { mode, uid, gid, rdev, size, mtimeNs } = found;
  const device = found.isCharacterDevice() || found.isBlockDevice() ? rdev : 0n;
  return {
    mode: Number(mode),
    uid: Number(uid),
    gid: Number(gid),
    device,
    size: Number(size),
    mtime: mtimeNs,
  };
}

function namesIn(folder: string, paths: LongPaths): string[] {
  try {
    return readdirSync(paths.near(folder), { encoding: 'buffer' }).map(decodeBytes);
  } catch {
    // A running instance may have removed it meanwhile.
    return [];
  }
}
