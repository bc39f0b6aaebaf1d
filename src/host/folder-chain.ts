import { dlopen, FFIType } from 'bun:ffi';
import { closeSync, constants, openSync } from 'node:fs';
import { encodeBytes } from '../lib/byte-text.ts';
import { Libc } from './libc.ts';

const { i32, u32, pointer } = FFIType;
/** Folders that stay open: the deepest so many, and further up one of so many. */
const OPEN = 256;
const FOLDER = 0o10000000 | constants.O_DIRECTORY | 0o2000000;

/** A folder on the way: where its path ends, and its descriptor; -1 where that was closed. */
interface Level {
  readonly end: number;
  descriptor: number;
}

/**
 * Folders of one tree by descriptor, whatever the length of their paths. From one folder to its neighbours it is one step, so a walk through a tree
 * takes time for its folders, not for their depth; a few hundred stay open.
 */
export class FolderChain {
  readonly #libc = new Libc();
  readonly #openat = dlopen('libc.so.6', { openat: { args: [i32, pointer, i32, u32], returns: i32 } }).symbols
    .openat;
  readonly #root: string;
  readonly #flags: number;
  /** Up to the end of the last level. */
  #path = '';
  readonly #levels: Level[] = [];

  /** `follow`: links on the way are followed; else they are no folders. */
  constructor(root: string, { follow }: { follow: boolean }) {
    this.#root = root;
    this.#flags = follow ? FOLDER : FOLDER | constants.O_NOFOLLOW;
  }

  /**
   * The descriptor (O_PATH) of a folder below the root; '' is the root. `folder`: clean, with a leading slash, `lib/byte-text.ts` text. Good until the
   * next call. Throws as open(2) does.
   */
  at(folder: string): number {
    this.#leaveTo(this.#common(folder));
    this.#path = folder;
    let descriptor =
      this.#levels.length === 0 ? this.#enter(0, openSync(this.#root, FOLDER)) : this.#reopened();
    for (let from = (this.#levels.at(-1)?.end ?? 0) + 1; from < folder.length;) {
      const slash = folder.indexOf('/', from);
      const end = slash < 0 ? folder.length : slash;
      descriptor = this.#enter(end, this.#open(descriptor, folder.slice(from, end)));
      from = end + 1;
    }
    return descriptor;
  }

  /** Closes all: folders on the way may be others by now, or are not needed any more. */
  close(): void {
    this.#leaveTo(0);
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

  /** The last level's descriptor: from the nearest that is open, one by one. */
  #reopened(): number {
    const last = this.#levels.length - 1;
    let at = last;
    while ((this.#levels[at]?.descriptor ?? -1) < 0 && at > 0) at -= 1;
    let descriptor = this.#levels[at]?.descriptor ?? -1;
    for (let i = at + 1; i <= last; i += 1) {
      const [above, level] = [this.#levels[i - 1], this.#levels[i]];
      if (above === undefined || level === undefined) break;
      descriptor = this.#open(descriptor, this.#path.slice(above.end + 1, level.end));
      level.descriptor = descriptor;
    }
    return descriptor;
  }

  #enter(end: number, descriptor: number): number {
    this.#levels.push({ end, descriptor });
    const old = this.#levels.length - 1 - OPEN;
    const level = this.#levels[old];
    if (level !== undefined && old % OPEN !== 0 && level.descriptor >= 0) {
      closeSync(level.descriptor);
      level.descriptor = -1;
    }
    return descriptor;
  }

  #open(folder: number, name: string): number {
    const bytes = encodeBytes(name);
    const terminated = new Uint8Array(bytes.length + 1);
    terminated.set(bytes);
    return this.#libc.check('openat', this.#openat(folder, terminated, this.#flags, 0), name);
  }
}
