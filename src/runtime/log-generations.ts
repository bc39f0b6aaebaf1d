import { open, type FileHandle } from 'node:fs/promises';

/** One file of a log. */
export interface Generation {
  readonly file: FileHandle;
  readonly inode: bigint;
}

/** More are not looked for. */
const MAX_GENERATIONS = 100;

/** Second name of the newest file: it keeps the lines when the monitor replaces the file by a new one (see `LogRotator`). */
export const keepName = (path: string): string => `${path}.0`;
/** `number` 1 is the newest rotated file. */
export const rotatedName = (path: string, number: number): string => `${path}.${number}`;

/** Opens all files of a log, oldest first. Newest are opened first, so that a rotation in between shows a file twice, never not at all. */
export async function openGenerations(path: string): Promise<Generation[]> {
  const found = new Map<bigint, Generation>();
  const names = [path, keepName(path)];
  for (let number = 0; number < MAX_GENERATIONS; number += 1) {
    const name = names[number] ?? rotatedName(path, number - 1);
    const file = await openOrNull(name);
    if (file === null && number > 1) break;
    if (file === null) continue;
    const { ino } = await file.stat({ bigint: true });
    if (found.has(ino)) await file.close();
    else found.set(ino, { file, inode: ino });
  }
  return [...found.values()].toReversed();
}

async function openOrNull(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
