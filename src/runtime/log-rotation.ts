import { close, existsSync, linkSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { Libc } from '../host/libc.ts';
import { NameWatch } from '../host/name-watch.ts';
import { keepName, rotatedName } from './log-generations.ts';

/** Files of one log: the one that is written and the rotated ones. */
const DEFAULT_FILES = 3;

/**
 * Shifts a log's files: `log` becomes `log.1`, `log.1` becomes `log.2`, and the oldest goes. For a writer that opens the file again
 * afterwards. Fine when there is no log.
 */
export function rotateLog(path: string, files = DEFAULT_FILES): void {
  rmSync(keepName(path), { force: true });
  shift(path, path, files);
}

/** Rotates before a run when the file has reached `size` bytes: a monitor counts only what it has written itself. */
export function rotateGrownLog(path: string, size: number, files = DEFAULT_FILES): void {
  if (size > 0 && (statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= size) rotateLog(path, files);
}

/** `newest` becomes `path.1`. */
function shift(path: string, newest: string, files: number): void {
  const release = hold(files <= 1 ? newest : rotatedName(path, files - 1));
  for (let number = files - 1; number >= 1; number -= 1) {
    const from = number === 1 ? newest : rotatedName(path, number - 1);
    if (existsSync(from)) renameSync(from, rotatedName(path, number));
  }
  if (files <= 1) rmSync(newest, { force: true });
  release();
}

/** Who takes away a file's last name frees its pages, milliseconds for a log: a descriptor that is still open leaves that to another thread. */
function hold(path: string): () => void {
  try {
    const descriptor = openSync(path, 'r');
    return () => close(descriptor, () => undefined);
  } catch {
    return () => undefined;
  }
}

/**
 * Keeps rotated files of logs whose writer bounds them itself: when conmon's log reaches its limit, conmon puts an empty file in its place,
 * whether a daemon runs or not. A second name of the file keeps what would be lost, and becomes `log.1` when the first name is another file.
 * Without a daemon the log stays bounded too: the file, and the one that was kept. Nothing is measured or polled.
 */
export class LogRotator {
  readonly #files: number;
  readonly #watched = new Map<string, () => void>();
  #names: NameWatch | null = null;

  /** `files`: how many in all. */
  constructor(options: { files?: number } = {}) {
    this.#files = options.files ?? DEFAULT_FILES;
  }

  /** Begins to keep `path`, `files` in all; its folder must exist, the file need not. Fine twice. */
  watch(path: string, files?: number): void {
    if (this.#watched.has(path)) return;
    const name = basename(path);
    this.#names ??= new NameWatch(new Libc());
    const stop = this.#names.watch(dirname(path), (made) => {
      if (made === null || made === name) this.#keep(path, files);
    });
    this.#watched.set(path, stop);
    this.#keep(path, files);
  }

  /** Leaves the files as they are. */
  forget(path: string): void {
    this.#watched.get(path)?.();
    this.#watched.delete(path);
  }

  close(): void {
    for (const path of this.#watched.keys()) this.forget(path);
  }

  #keep(path: string, files = this.#files): void {
    const keep = keepName(path);
    const current = statSync(path, { throwIfNoEntry: false, bigint: true })?.ino;
    const kept = statSync(keep, { throwIfNoEntry: false, bigint: true })?.ino;
    if (current === undefined || current === kept) return;
    if (kept !== undefined) shift(path, keep, files);
    try {
      linkSync(path, keep);
    } catch {
      // Replaced or removed again meanwhile: that is an event of its own. A filesystem without links keeps the newest file only.
    }
  }
}
