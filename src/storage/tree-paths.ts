import { lstatSync, statSync, type BigIntStats } from 'node:fs';
import { encodeBytes } from '../lib/byte-text.ts';
import { TarError } from '../lib/tar/types.ts';

/** Text of `lib/byte-text.ts` as Node's file functions take it. */
export function filePath(path: string): string | Buffer {
  return path.isWellFormed() ? path : Buffer.from(encodeBytes(path));
}

/** A member's name as a path below the archive's root without leading slash; '' is the root itself. Refuses names that lead above it. */
export function cleanName(name: string): string {
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined)
      throw new TarError(`the archive's member ${JSON.stringify(name)} leads out of its folder`);
  }
  const path = parts.join('/');
  if (path.includes('\0'))
    throw new TarError(`the archive's member ${JSON.stringify(name)} has a NUL byte in its name`);
  return path;
}

/** What is at `path`, links not followed; null when nothing is. */
export function lookAt(path: string): BigIntStats | null {
  return statOrNull(() => lstatSync(filePath(path), { bigint: true }));
}

/** What is at `path`, links followed; null when nothing is. */
export function lookThrough(path: string): BigIntStats | null {
  return statOrNull(() => statSync(filePath(path), { bigint: true }));
}

function statOrNull(stat: () => BigIntStats): BigIntStats | null {
  try {
    return stat();
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return null;
    throw error;
  }
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

export function joinPath(folder: string, name: string): string {
  if (name === '') return folder;
  return folder === '/' ? `/${name}` : `${folder}/${name}`;
}
