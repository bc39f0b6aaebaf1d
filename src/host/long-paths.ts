import { dlopen, FFIType } from 'bun:ffi';
import { encodeBytes } from '../lib/byte-text.ts';
import { FolderChain } from './folder-chain.ts';
import { Libc } from './libc.ts';

const { i32 } = FFIType;
/** Longest path, in UTF-16 units, that is given to the kernel as it is: it has three times as many bytes at most, and PATH_MAX is 4096. */
export const LONG_PATH = 1000;

/**
 * Reaches paths of any length. The kernel takes 4096 bytes: for longer ones this process stands in the folder (fchdir(2)) and names the file there.
 * Several of these may be used in turns. For processes of their own that work with synchronous file functions alone: where a process stands is common
 * to all that it does.
 */
export class LongPaths {
  readonly #libc = new Libc();
  readonly #fchdir = dlopen('libc.so.6', { fchdir: { args: [i32], returns: i32 } }).symbols.fchdir;
  readonly #folders = new FolderChain('/', { follow: true });

  /**
   * What to call an absolute, clean path (`lib/byte-text.ts` text) in file functions, until the next call. Throws as open(2) does when a folder on
   * the way is not there.
   */
  near(path: string): string | Buffer {
    if (path.length < LONG_PATH) return asFilePath(path);
    const cut = path.lastIndexOf('/');
    this.#libc.check('fchdir', this.#fchdir(this.#folders.at(path.slice(0, cut))), 'a folder');
    return asFilePath(path.slice(cut + 1));
  }

  /** Forgets the way: folders on it may be others by now. */
  forget(): void {
    this.#folders.close();
  }
}

/** Text of `lib/byte-text.ts` as Node's file functions take it. */
export function asFilePath(path: string): string | Buffer {
  return path.isWellFormed() ? path : Buffer.from(encodeBytes(path));
}
