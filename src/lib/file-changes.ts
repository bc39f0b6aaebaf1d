import { MOUNT_STUBS, type FileChange } from '../model/files.ts';

/** What is compared of a file. */
export interface FileFacts {
  /** st_mode. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Device number of a device node, 0 for anything else. */
  readonly device: bigint;
  readonly size: number;
  readonly mtime: bigint;
}

/** An overlay's upper folder beside what is below it. Paths begin with a slash. */
export interface OverlaySides {
  /** Names in a folder of the upper side. */
  names(folder: string): readonly string[];
  /** Names that a folder of the upper side hides as a whole: those below it, where it is opaque. */
  hidden(folder: string): readonly string[];
  now(path: string): FileFacts | null;
  before(path: string): FileFacts | null;
}

const TYPE = 0o170000;
const FOLDER = 0o040000;
const CHARACTER_DEVICE = 0o020000;

/**
 * What an overlay's upper side changes, by the rules of Docker's daemon: a folder counts when its owner or permissions differ or something in it
 * does, never for its times alone; below what was deleted nothing is told. Sorted by name, folders first of their contents.
 */
export function* fileChanges(sides: OverlaySides, folder = '/', hasLower = true): Generator<FileChange> {
  const upper = new Set(sides.names(folder));
  const hidden = hasLower && folder !== '/' ? sides.hidden(folder) : [];
  for (const name of [...new Set([...upper, ...hidden])].toSorted()) {
    const path = folder === '/' ? `/${name}` : `${folder}/${name}`;
    const now = upper.has(name) ? sides.now(path) : null;
    const before = hasLower ? sides.before(path) : null;
    if (now === null || isWhiteout(now)) {
      if (before !== null) yield { path, kind: 'deleted' };
    } else if (before === null) yield* added(sides, path, now);
    else yield* modified(sides, path, now, before);
  }
}

function* added(sides: OverlaySides, path: string, now: FileFacts): Generator<FileChange> {
  // Docker has these below the instance's own layer.
  const stub = MOUNT_STUBS.includes(path) && (isFolder(now) || now.size === 0);
  if (!stub) yield { path, kind: 'added' };
  if (!isFolder(now)) return;
  const below = fileChanges(sides, path, false);
  yield* stub ? withParent(path, below) : below;
}

function* modified(
  sides: OverlaySides,
  path: string,
  now: FileFacts,
  before: FileFacts,
): Generator<FileChange> {
  const below = isFolder(now) ? fileChanges(sides, path, isFolder(before)) : [];
  if (!differ(now, before)) return yield* withParent(path, below);
  yield { path, kind: 'modified' };
  yield* below;
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

function differ(now: FileFacts, before: FileFacts): boolean {
  if (
    now.mode !== before.mode ||
    now.uid !== before.uid ||
    now.gid !== before.gid ||
    now.device !== before.device
  )
    return true;
  return !isFolder(now) && (now.size !== before.size || now.mtime !== before.mtime);
}

function isFolder({ mode }: FileFacts): boolean {
  return (mode & TYPE) === FOLDER;
}

/** Overlayfs's mark for a deleted name: a character device 0:0. */
function isWhiteout({ mode, device }: FileFacts): boolean {
  return (mode & TYPE) === CHARACTER_DEVICE && device === 0n;
}
