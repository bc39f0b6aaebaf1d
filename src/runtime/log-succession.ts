import { newestInode, openGenerations, type LogFile } from './log-generations.ts';

/** Of files that have lost their names, a reader that does not come after holds no more than so many, and so many bytes: the log is bounded, and so is this. */
const MOST_FILES = 100;
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * The files of a log that come after the one that is being read. They are opened when they are seen, not when their turn comes: a log may be
 * rotated faster than its reader reads, and an open file keeps its lines. `look` at each change of the log.
 */
export class LogSuccession {
  readonly #path: string;
  readonly #waiting: LogFile[] = [];
  /** The newest file that was seen. It is open, here or at the reader, so that no other file can get its number. */
  #newest: bigint | null;
  #closed = false;

  /** `newest`: the inode of the file that is being read; null when there was none yet. */
  constructor(path: string, newest: bigint | null) {
    this.#path = path;
    this.#newest = newest;
  }

  /** Sees what is new. Cheap when nothing is. */
  look(): void {
    if (this.#closed) return;
    const inode = newestInode(this.#path);
    if (inode !== null && inode === this.#newest) return;
    const generations = openGenerations(this.#path);
    // All of them, when the newest that was seen has gone.
    const known = generations.findIndex((file) => file.inode === this.#newest);
    for (const file of generations.splice(0, known + 1)) file.close();
    this.#newest = generations.at(-1)?.inode ?? this.#newest;
    this.#waiting.push(...generations);
    this.#bound(generations.length);
  }

  /** The next file; null when the one that is being read is the newest. It is the caller's to close, after the one that follows it was taken. */
  take(): LogFile | null {
    this.look();
    return this.#waiting.shift() ?? null;
  }

  close(): void {
    this.#closed = true;
    for (const file of this.#waiting.splice(0)) file.close();
  }

  /** `fresh`: files at the end that are part of the log still. */
  #bound(fresh: number): void {
    let bytes = this.#waiting.reduce((sum, file) => sum + file.size, 0);
    while (
      this.#waiting.length > Math.max(fresh, 1) &&
      (this.#waiting.length > MOST_FILES || bytes > MOST_BYTES)
    ) {
      const oldest = this.#waiting.shift();
      bytes -= oldest?.size ?? 0;
      oldest?.close();
    }
  }
}
