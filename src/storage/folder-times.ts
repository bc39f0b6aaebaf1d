import type { TreeSyscalls } from '../host/tree-syscalls.ts';
import { lookAt } from './tree-paths.ts';

/** A path that is longer than this is not kept: a deep tree has one for each of its folders. */
const LONG = 1000;

/** Modification times of folders, which are set when nothing is put into them any more. */
export class FolderTimes {
  readonly #syscalls: Pick<TreeSyscalls, 'setTimes' | 'paths'>;
  readonly #last = new Map<string, bigint>();
  /** Folders with long paths, each in the one before, all on the way to `#deepest`: where the path of each ends. */
  readonly #deep: { readonly end: number; readonly mtime: bigint }[] = [];
  #deepest = '';

  constructor(syscalls: Pick<TreeSyscalls, 'setTimes' | 'paths'>) {
    this.#syscalls = syscalls;
  }

  add(path: string, mtime: bigint): void {
    if (path.length < LONG) return void this.#last.set(path, mtime);
    this.#deep.push({ end: path.length, mtime });
    this.#deepest = path;
  }

  /** Folders with long paths get their times when the archive goes on elsewhere. */
  leaveFor(path: string): void {
    for (let deep = this.#deep.at(-1); deep !== undefined; deep = this.#deep.at(-1)) {
      const folder = this.#deepest.slice(0, deep.end);
      if (path[deep.end] === '/' && path.startsWith(folder)) return;
      this.#deep.pop();
      this.#set(folder, deep.mtime);
    }
  }

  finish(): void {
    this.leaveFor('');
    for (const [path, mtime] of this.#last) this.#set(path, mtime);
  }

  #set(path: string, mtime: bigint): void {
    if (lookAt(path, this.#syscalls.paths)?.isDirectory() === true) this.#syscalls.setTimes(path, mtime);
  }
}
