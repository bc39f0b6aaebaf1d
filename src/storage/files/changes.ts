import { readdirSync } from 'node:fs';
import type { TreeSyscalls } from '../../host/tree-syscalls.ts';
import { decodeBytes } from '../../lib/byte-text.ts';
import type { FileFacts, OverlaySides } from '../../lib/file-changes.ts';
import { OPAQUE_XATTR } from '../overlay-marks.ts';
import { filePath, lookAt } from '../tree-paths.ts';

/** Folders `upper` and `lower` of this process's world. */
export class FolderSides implements OverlaySides {
  readonly #syscalls: Pick<TreeSyscalls, 'xattrs'>;
  readonly #upper: string;
  readonly #lower: string;

  constructor(syscalls: Pick<TreeSyscalls, 'xattrs'>, upper: string, lower: string) {
    this.#syscalls = syscalls;
    this.#upper = upper;
    this.#lower = lower;
  }

  names(folder: string): string[] {
    return namesIn(this.#upper + folder);
  }

  hidden(folder: string): string[] {
    const mark = this.#syscalls.xattrs(this.#upper + folder).get(OPAQUE_XATTR);
    return mark !== undefined && decodeBytes(mark) === 'y' ? namesIn(this.#lower + folder) : [];
  }

  now(path: string): FileFacts | null {
    return factsOf(this.#upper + path);
  }

  before(path: string): FileFacts | null {
    return factsOf(this.#lower + path);
  }
}

function factsOf(path: string): FileFacts | null {
  const found = lookAt(path);
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

function namesIn(folder: string): string[] {
  try {
    return readdirSync(filePath(folder), { encoding: 'buffer' }).map(decodeBytes);
  } catch {
    // A running instance may have removed it meanwhile.
    return [];
  }
}
