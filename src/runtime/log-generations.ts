import { close, fstatSync, openSync, read, statSync } from 'node:fs';
import { promisify } from 'node:util';

const readAt = promisify(read);

/** A file of a log, held open: it can be read after it has lost its name. */
export class LogFile {
  readonly inode: bigint;
  readonly #descriptor: number;

  /** Throws the file system's error. */
  constructor(path: string) {
    this.#descriptor = openSync(path, 'r');
    this.inode = fstatSync(this.#descriptor, { bigint: true }).ino;
  }

  get size(): number {
    return fstatSync(this.#descriptor).size;
  }

  /** Reads up to `length` bytes at `position` into `buffer`, from `offset` on. Returns how many there were. */
  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<number> {
    const { bytesRead } = await readAt(this.#descriptor, buffer, offset, length, position);
    return bytesRead;
  }

  /** Elsewhere: to close the last descriptor of a file without a name frees its pages. */
  close(): void {
    close(this.#descriptor, () => undefined);
  }
}

/** More are not looked for. */
const MAX_GENERATIONS = 100;

/** Second name of the newest file: it keeps the lines when the monitor replaces the file by a new one (see `LogRotator`). */
export const keepName = (path: string): string => `${path}.0`;
/** `number` 1 is the newest rotated file. */
export const rotatedName = (path: string, number: number): string => `${path}.${number}`;

/**
 * Opens all files of a log, oldest first. At one go, since the engine renames them on the same thread: none is seen in the middle of it. The
 * monitor replaces the newest at any time; newest are opened first, so that a file that is replaced meanwhile is seen twice, never not at all.
 */
export function openGenerations(path: string): LogFile[] {
  const found = new Map<bigint, LogFile>();
  const names = [path, keepName(path)];
  for (let number = 0; number < MAX_GENERATIONS; number += 1) {
    const file = openOrNull(names[number] ?? rotatedName(path, number - 1));
    if (file === null && number > 1) break;
    if (file === null) continue;
    if (found.has(file.inode)) file.close();
    else found.set(file.inode, file);
  }
  return [...found.values()].toReversed();
}

/** The inode of a log's newest file; null when there is none. */
export function newestInode(path: string): bigint | null {
  return statSync(path, { throwIfNoEntry: false, bigint: true })?.ino ?? null;
}

function openOrNull(path: string): LogFile | null {
  try {
    return new LogFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
