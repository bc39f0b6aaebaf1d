import { dlopen, FFIType } from 'bun:ffi';
import { closeSync, constants, openSync } from 'node:fs';
import { encodeBytes } from '../lib/byte-text.ts';
import { Libc } from './libc.ts';

const { i32 } = FFIType;
/** Longest path, in UTF-16 units, that is given to the kernel as it is: it has three times as many bytes at most, and PATH_MAX is 4096. */
const LONG = 1000;
/** Folders that stay open: the deepest so many, and further up one of so many. */
const OPEN = 256;
const FOLDER = 0o10000000 | constants.O_DIRECTORY;

/** A folder on the way to where this process stands: where its path ends, and its descriptor; -1 where that was closed. */
interface Level {
  readonly end: number;
  descriptor: number;
}

/**
 * Reaches paths of any length. The kernel takes 4096 bytes: for longer ones this process stands in the folder (fchdir(2)) and names the file there.
 * Several of these may be used in turns. From one folder to its neighbours each goes by descriptor, so a walk through a tree takes time for its folders, not for their depth. For processes of
 * their own that work with synchronous file functions alone: where a process stands is common to all that it does.
 */
export class LongPaths {
  readonly #libc = new Libc();
  readonly #fchdir = dlopen('libc.so.6', { fchdir: { args: [i32], returns: i32 } }).symbols.fchdir;
  /** Up to the end of the last level, where this process stands after `near`. */
  #path = '';
  readonly #levels: Level[] = [];

  /**
   * What to call an absolute, clean path (`lib/byte-text.ts` text) in file functions, until the next call. Throws as open(2) does when a folder on
   * the way is not there.
   */
  near(path: string): string | Buffer {
    if (path.length < LONG) return asFilePath(path);
    const cut = path.lastIndexOf('/');
    this.#stand(path.slice(0, cut));
    return asFilePath(path.slice(cut + 1));
  }

  /** Forgets the way: folders on it may be others by now. */
  forget(): void {
    this.#leaveTo(0);
  }

  #stand(folder: string): void {
    const common = this.#common(folder);
    this.#leaveTo(common);
    this.#path = folder;
    if (this.#levels.length === 0) this.#enter(0, openSync('/', FOLDER));
    else this.#return();
    for (let from = (this.#levels.at(-1)?.end ?? 0) + 1; from < folder.length;) {
      const slash = folder.indexOf('/', from);
      const end = slash < 0 ? folder.length : slash;
      this.#enter(end, openSync(asFilePath(folder.slice(from, end)), FOLDER));
      from = end + 1;
    }
  }

  /** How many levels lead to `folder` too. */
  #common(folder: string): number {
    let [low, high] = [0, this.#levels.length];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const end = this.#levels[middle - 1]?.end ?? 0;
      const leads =
        folder.startsWith(this.#path.slice(0, end)) && (end === folder.length || folder[end] === '/');
      if (leads) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #leaveTo(count: number): void {
    for (const { descriptor } of this.#levels.splice(count)) if (descriptor >= 0) closeSync(descriptor);
  }

  /** Stands in the last level, which it left: from the nearest that is open, one by one. */
  #return(): void {
    const last = this.#levels.length - 1;
    let at = last;
    while ((this.#levels[at]?.descriptor ?? -1) < 0 && at > 0) at -= 1;
    this.#change(this.#levels[at]?.descriptor ?? -1);
    for (let i = at + 1; i <= last; i += 1) {
      const [above, level] = [this.#levels[i - 1], this.#levels[i]];
      if (above === undefined || level === undefined) return;
      level.descriptor = openSync(asFilePath(this.#path.slice(above.end + 1, level.end)), FOLDER);
      this.#change(level.descriptor);
    }
  }

  #enter(end: number, descriptor: number): void {
    this.#levels.push({ end, descriptor });
    this.#change(descriptor);
    const old = this.#levels.length - 1 - OPEN;
    const level = this.#levels[old];
    if (level === undefined || old % OPEN === 0 || level.descriptor < 0) return;
    closeSync(level.descriptor);
    level.descriptor = -1;
  }

  #change(descriptor: number): void {
    this.#libc.check('fchdir', this.#fchdir(descriptor), 'a folder');
  }
}

/** Text of `lib/byte-text.ts` as Node's file functions take it. */
export function asFilePath(path: string): string | Buffer {
  return path.isWellFormed() ? path : Buffer.from(encodeBytes(path));
}
