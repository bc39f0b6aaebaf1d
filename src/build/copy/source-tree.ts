import {
  closeSync,
  constants as flags,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  type Stats,
} from 'node:fs';
import { constants } from 'node:os';
import { posix } from 'node:path';
import { FolderChain } from '../../host/folder-chain.ts';
import type { Host } from '../../host/host.ts';
import { LONG_PATH } from '../../host/long-paths.ts';
import { decodeBytes } from '../../lib/byte-text.ts';
import { HullError, isHullError } from '../../model/errors.ts';
import type { IgnoreMatcher } from '../../lib/dockerignore.ts';
import { Glob, GlobError } from '../../lib/glob.ts';
import { StepBudget } from '../../lib/step-budget.ts';
import { TimeSlice } from '../../lib/time-slice.ts';

export type EntryType = 'file' | 'directory' | 'symlink' | 'fifo' | 'character-device' | 'block-device';

/** One file of a tree that is copied from. */
export interface TreeEntry {
  /** Relative to the tree's root, no slash at either end; empty for the root itself. No link in any part but the last. */
  readonly path: string;
  readonly type: EntryType;
  /** Permission bits, set-id and sticky bits included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a regular file; else 0. */
  readonly size: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  /** A symbolic link's target; else empty. */
  readonly target: string;
  /** Device number; 0 for anything else. */
  readonly device: number;
}

/** A folder that is walked through. */
interface OpenFolder {
  /** Length of its path. */
  readonly path: number;
  readonly names: readonly string[];
  next: number;
  /** Itself, where it comes along only with something in it. */
  untold: TreeEntry | null;
}

/** Reads a file's extended attributes; links are not followed. */
export type ReadAttributes = (path: string) => ReadonlyMap<string, Uint8Array>;

/** The attributes that belong to a file wherever it is: capabilities and the user's own. */
const KEPT_ATTRIBUTES = /^(?:security\.capability$|user\.)/u;
const FOLDER = flags.O_RDONLY | flags.O_DIRECTORY | flags.O_NOFOLLOW;
/** Bytes (NAME_MAX). */
const LONGEST_NAME = 255;
const O_PATH = 0o10000000;

/**
 * A folder that is copied from: the context, or a stage's mounted root. Everything is reached by descriptor inside it, so that no link leads
 * out. The tree must be quiet meanwhile.
 */
export class SourceTree {
  readonly #host: Host;
  readonly #root: string;
  readonly #deep: FolderChain;
  readonly #ignored: IgnoreMatcher | null;
  readonly #readAttributes: ReadAttributes;
  readonly #slice = new TimeSlice();

  constructor(host: Host, readAttributes: ReadAttributes, root: string, ignored: IgnoreMatcher | null) {
    this.#host = host;
    this.#readAttributes = readAttributes;
    this.#root = root;
    this.#deep = new FolderChain(root, { follow: false });
    this.#ignored = ignored;
  }

  /** Paths that a pattern names: itself when it has no wildcard, else every match, in order. Nothing when nothing is there. */
  async glob(pattern: string): Promise<string[]> {
    let found = [''];
    for (const part of posix.normalize(`/${pattern}`).split('/')) {
      if (part === '') continue;
      const next: string[] = [];
      for (const path of found) for await (const one of this.#step(path, part)) next.push(one);
      found = next;
    }
    return found.filter((path) => path === '' || !this.#leftOut(path));
  }

  /** The entry that a path leads to, links followed inside the tree; null where there is none. */
  resolve(path: string): TreeEntry | null {
    const real = this.#realPath(path);
    return real === null ? null : this.#entry(real);
  }

  /** The entry and all below it, parents before children, sorted by name, what is ignored left out. */
  async *walk(start: TreeEntry): AsyncIterable<TreeEntry> {
    yield start;
    if (start.type === 'directory') yield* this.#below(start.path);
  }

  /** A descriptor of a regular file's content; the caller closes it. */
  open(entry: TreeEntry): number {
    const access = flags.O_RDONLY | flags.O_NOFOLLOW;
    if (entry.path.length < LONG_PATH)
      return this.#host.files.openInRoot(this.#root, `/${entry.path}`, access);
    return this.#inFolder(posix.dirname(entry.path), (folder) =>
      openSync(`${folder}/${posix.basename(entry.path)}`, access),
    );
  }

  /** Gives back what long paths took. */
  close(): void {
    this.#deep.close();
  }

  /** The extended attributes that a copy keeps, sorted by name. */
  attributes(entry: TreeEntry): ReadonlyMap<string, Uint8Array> {
    const all = this.#inFolder(posix.dirname(`/${entry.path}`).slice(1), (folder) =>
      this.#readAttributes(`${folder}/${posix.basename(entry.path) || '.'}`),
    );
    return new Map(
      [...all].filter(([name]) => KEPT_ATTRIBUTES.test(name)).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
  }

  /** What `.dockerignore` leaves out for sure: a path that it may bring back below is not. */
  #leftOut(path: string): boolean {
    return this.#ignored !== null && this.#ignored.ignores(path);
  }

  /** Everything below a folder. Not by recursion: how deep a tree is, is its maker's choice. */
  async *#below(top: string): AsyncIterable<TreeEntry> {
    let folder = top;
    const open: OpenFolder[] = [{ path: top.length, names: this.#names(top), next: 0, untold: null }];
    for (let inside = open.at(-1); inside !== undefined; inside = open.at(-1)) {
      // A context may hold a hundred thousand files.
      if (this.#slice.over) await this.#slice.next();
      const name = inside.names[inside.next++];
      if (name === undefined) {
        open.pop();
        folder = folder.slice(0, open.at(-1)?.path ?? 0);
        continue;
      }
      const path = join(folder, name);
      const ignored = this.#leftOut(path);
      if (ignored && this.#ignored?.hasExceptions !== true) continue;
      const entry = this.#entry(path);
      if (entry === null) continue;
      if (!ignored) {
        yield* untold(open);
        yield entry;
      }
      if (entry.type !== 'directory') continue;
      folder = path;
      open.push({ path: path.length, names: this.#names(path), next: 0, untold: ignored ? entry : null });
    }
  }

  async *#step(path: string, part: string): AsyncIterable<string> {
    if (this.#slice.over) await this.#slice.next();
    if (!/[*?[\\]/u.test(part)) {
      const next = join(path, part);
      if (this.#realPath(next) !== null) yield next;
      return;
    }
    const real = this.#realPath(path);
    if (real === null || this.#entry(real)?.type !== 'directory') return;
    const matches = nameMatcher(part);
    for (const name of this.#names(real)) {
      if (this.#slice.over) await this.#slice.next();
      if (matches(name)) yield join(path, name);
    }
  }

  #names(folder: string): string[] {
    const names = this.#inFolder(folder, (path) => readdirSync(path, { encoding: 'buffer' }));
    return names
      .toSorted((a, b) => Buffer.compare(a, b))
      .map((bytes) => {
        const name = decodeBytes(bytes);
        if (name.isWellFormed()) return name;
        throw new HullError(
          'not-supported',
          `the name of a file in "/${folder}" is not UTF-8 ("${bytes.toString('latin1')}"); rename it`,
        );
      });
  }

  #entry(path: string): TreeEntry | null {
    return this.#inFolder(posix.dirname(`/${path}`).slice(1), (folder) => {
      const file = path === '' ? folder : `${folder}/${posix.basename(path)}`;
      const stats = lstatSync(path === '' ? `${folder}/.` : file, { throwIfNoEntry: false });
      return stats === undefined
        ? null
        : entryOf(path, stats, stats.isSymbolicLink() ? readlinkSync(file) : '');
    });
  }

  /** Runs `use` with a path to the folder that is good while it runs: through its descriptor. */
  #inFolder<T>(folder: string, use: (path: string) => T): T {
    // No path that is this long has a link in it.
    if (folder.length >= LONG_PATH) return use(`/proc/self/fd/${this.#deep.at(`/${folder}`)}`);
    const descriptor = this.#host.files.openInRoot(this.#root, `/${folder}`, FOLDER);
    try {
      return use(`/proc/self/fd/${descriptor}`);
    } finally {
      closeSync(descriptor);
    }
  }

  #realPath(path: string): string | null {
    return realPathInRoot(this.#host, this.#root, path);
  }
}

/** Where a path leads inside a root, links followed; relative to the root. Null when nothing is there. */
export function realPathInRoot(host: Host, root: string, path: string): string | null {
  let descriptor: number;
  let rootDescriptor: number | null = null;
  try {
    descriptor = host.files.openInRoot(root, `/${path}`, O_PATH);
  } catch (error) {
    if (isHullError(error, 'path-not-found') || isNoFolder(error)) return null;
    throw error;
  }
  try {
    rootDescriptor = host.files.openInRoot(root, '/', O_PATH);
    const whole = readlinkSync(`/proc/self/fd/${descriptor}`);
    const base = readlinkSync(`/proc/self/fd/${rootDescriptor}`);
    return whole.slice(base.length).replace(/^\//u, '');
  } finally {
    closeSync(descriptor);
    if (rootDescriptor !== null) closeSync(rootDescriptor);
  }
}

/** A part of the path is a file, or its links go round. */
function isNoFolder(error: unknown): boolean {
  return (
    error instanceof Error &&
    'errno' in error &&
    (error.errno === constants.errno.ENOTDIR || error.errno === constants.errno.ELOOP)
  );
}

function entryOf(path: string, stats: Stats, target: string): TreeEntry {
  const type = typeOf(stats);
  if (type === null) throw new HullError('not-supported', `"/${path}" is a socket; sockets cannot be copied`);
  const { uid, gid, mode, mtimeMs } = stats;
  const isDevice = type === 'character-device' || type === 'block-device';
  const base = { path, type, mode: mode & 0o7777, uid, gid, mtime: Math.floor(mtimeMs / 1000), target };
  return { ...base, size: type === 'file' ? stats.size : 0, device: isDevice ? stats.rdev : 0 };
}

function typeOf(stats: Stats): EntryType | null {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isCharacterDevice()) return 'character-device';
  return stats.isBlockDevice() ? 'block-device' : null;
}

/** An ignored folder comes along only when something below it does. */
function* untold(open: readonly OpenFolder[]): Generator<TreeEntry> {
  for (const folder of open) {
    if (folder.untold !== null) yield folder.untold;
    folder.untold = null;
  }
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

/** `*`, `?`, `[a-z]` and `\` within one name, as COPY has them; a malformed pattern is a name. */
function nameMatcher(pattern: string): (name: string) => boolean {
  try {
    const budget = new StepBudget('matching one name', LONGEST_NAME ** 2);
    const glob = Glob.of(pattern, 'path', budget);
    return (name) => {
      budget.refill();
      return glob.matches(name);
    };
  } catch (error) {
    if (!(error instanceof GlobError)) throw error;
    return (name) => name === pattern;
  }
}
