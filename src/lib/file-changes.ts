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

/** A folder whose contents are compared. */
interface Frame {
  /** Length of its path. */
  readonly path: number;
  readonly names: readonly string[];
  next: number;
  readonly upper: ReadonlySet<string>;
  readonly hasLower: boolean;
  /** It is told already, or never is. Else it is told before the first change in it. */
  told: boolean;
}

/**
 * What an overlay's upper side changes, by the rules of Docker's daemon: a folder counts when its owner or permissions differ or something in it
 * does, never for its times alone; below what was deleted nothing is told. Sorted by name, folders first of their contents. Not by recursion: how
 * deep a tree is, is its maker's choice.
 */
export function* fileChanges(sides: OverlaySides): Generator<FileChange> {
  let folder = '';
  const frames = [frameOf(sides, folder, true, true)];
  /** Of the frames before it, none is to be told any more. */
  let untold = 1;
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const name = frame.names[frame.next++];
    if (name === undefined) {
      frames.pop();
      untold = Math.min(untold, frames.length);
      folder = folder.slice(0, frames.at(-1)?.path ?? 0);
      continue;
    }
    const path = `${folder}/${name}`;
    const now = frame.upper.has(name) ? sides.now(path) : null;
    const before = frame.hasLower ? sides.before(path) : null;
    const kind = kindOf(path, now, before);
    if (kind !== null) {
      for (; untold < frames.length; untold += 1) yield* announced(frames[untold], path);
      yield { path, kind };
    }
    if (now === null || !isFolder(now)) continue;
    folder = path;
    frames.push(frameOf(sides, folder, before !== null && isFolder(before), kind !== null));
  }
}

function frameOf(sides: OverlaySides, folder: string, hasLower: boolean, told: boolean): Frame {
  const path = folder === '' ? '/' : folder;
  const upper = new Set(sides.names(path));
  const hidden = hasLower && folder !== '' ? sides.hidden(path) : [];
  const names = [...new Set([...upper, ...hidden])].toSorted();
  return { path: folder.length, names, next: 0, upper, hasLower, told };
}

/** A folder that is not changed itself is told before the first change in it, whose path is `below`. */
function* announced(frame: Frame | undefined, below: string): Generator<FileChange> {
  if (frame === undefined || frame.told) return;
  frame.told = true;
  yield { path: below.slice(0, frame.path), kind: 'modified' };
}

/** How a path has changed itself; null when only something in it may have. */
function kindOf(path: string, now: FileFacts | null, before: FileFacts | null): FileChange['kind'] | null {
  if (now === null || isWhiteout(now)) return before === null ? null : 'deleted';
  if (before !== null) return differ(now, before) ? 'modified' : null;
  // Docker has these below the instance's own layer.
  return MOUNT_STUBS.includes(path) && (isFolder(now) || now.size === 0) ? null : 'added';
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
