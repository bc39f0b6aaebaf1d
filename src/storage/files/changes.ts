import { readdirSync, type BigIntStats } from 'node:fs';
import type { TreeSyscalls } from '../../host/tree-syscalls.ts';
import { decodeBytes } from '../../lib/byte-text.ts';
import { MOUNT_STUBS, type FileChange } from '../../model/files.ts';
import { isWhiteout, OPAQUE_XATTR } from '../overlay-marks.ts';
import { filePath, joinPath, lookAt } from '../tree-paths.ts';

/**
 * What an overlay's upper folder changes against what is below it, by the rules of Docker's daemon: a folder counts when its owner or
 * permissions differ or something in it does, never for its times alone; below what was deleted nothing is told. Sorted by name, folders first
 * of their contents.
 */
export class ChangeFinder {
  readonly #syscalls: Pick<TreeSyscalls, 'xattrs'>;
  readonly #upper: string;
  readonly #lower: string;

  constructor(syscalls: Pick<TreeSyscalls, 'xattrs'>, upper: string, lower: string) {
    this.#syscalls = syscalls;
    this.#upper = upper;
    this.#lower = lower;
  }

  *changes(folder = '/', hasLower = true): Generator<FileChange> {
    for (const { name, inUpper } of this.#names(folder, hasLower)) {
      const path = joinPath(folder, name);
      const now = inUpper ? lookAt(this.#upper + path) : null;
      const before = hasLower ? lookAt(this.#lower + path) : null;
      if (now === null || isWhiteout(now)) {
        if (before !== null) yield { path, kind: 'deleted' };
      } else if (before === null) yield* this.#added(path, now);
      else yield* this.#modified(path, now, before);
    }
  }

  *#added(path: string, now: BigIntStats): Generator<FileChange> {
    // Docker has these below the instance's own layer.
    const stub = MOUNT_STUBS.includes(path) && (now.isDirectory() || now.size === 0n);
    if (!stub) yield { path, kind: 'added' };
    if (!now.isDirectory()) return;
    if (!stub) return yield* this.changes(path, false);
    yield* withParent(path, this.changes(path, false));
  }

  *#modified(path: string, now: BigIntStats, before: BigIntStats): Generator<FileChange> {
    const folders = now.isDirectory() && before.isDirectory();
    const below = now.isDirectory() ? this.changes(path, folders) : [][Symbol.iterator]();
    if (!differ(now, before)) return yield* withParent(path, below);
    yield { path, kind: 'modified' };
    yield* below;
  }

  /** Names of the upper folder, and of the lower one where that is hidden as a whole. */
  *#names(folder: string, hasLower: boolean): Generator<{ name: string; inUpper: boolean }> {
    const upper = namesIn(this.#upper + folder);
    const hidden = hasLower && folder !== '/' && this.#isOpaque(folder);
    const present = new Set(upper);
    const gone = hidden ? namesIn(this.#lower + folder).filter((name) => !present.has(name)) : [];
    const all = [
      ...upper.map((name) => ({ name, inUpper: true })),
      ...gone.map((name) => ({ name, inUpper: false })),
    ];
    yield* all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  #isOpaque(folder: string): boolean {
    const mark = this.#syscalls.xattrs(this.#upper + folder).get(OPAQUE_XATTR);
    return mark !== undefined && decodeBytes(mark) === 'y';
  }
}

/** A folder that is not changed itself is told before the first change in it. */
function* withParent(path: string, changes: Iterable<FileChange>): Generator<FileChange> {
  let told = false;
  for (const change of changes) {
    if (!told) yield { path, kind: 'modified' };
    told = true;
    yield change;
  }
}

function differ(now: BigIntStats, before: BigIntStats): boolean {
  if (
    now.mode !== before.mode ||
    now.uid !== before.uid ||
    now.gid !== before.gid ||
    now.rdev !== before.rdev
  )
    return true;
  return !now.isDirectory() && (now.size !== before.size || now.mtimeNs !== before.mtimeNs);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(filePath(folder), { encoding: 'buffer' }).map(decodeBytes);
  } catch {
    // A running instance may have removed it meanwhile.
    return [];
  }
}
