import { lstatSync, statSync, type BigIntStats } from 'node:fs';
import { asFilePath, type LongPaths } from '../host/long-paths.ts';
import { TarError } from '../lib/tar/types.ts';

/** A member's name as a path below the archive's root without leading slash; '' is the root itself. Refuses names that lead above it. */
export function cleanName(name: string): string {
  const relative = name.startsWith('/') ? name.slice(1) : name;
  if (CLEAN.test(relative)) return withoutNul(name, relative);
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined)
      throw new TarError(`the archive's member ${JSON.stringify(name)} leads out of its folder`);
  }
  return withoutNul(name, parts.join('/'));
}

/** Nothing in it has to be cleaned away: most names, and long ones are cleaned slowly. Of names without their leading slash. */
const CLEAN = /^(?!.*(?:^|\/)\.{0,2}(?:\/|$))/s;

function withoutNul(name: string, path: string): string {
  if (path.includes('\0'))
    throw new TarError(`the archive's member ${JSON.stringify(name)} has a NUL byte in its name`);
  return path;
}

/** What is at `path`, of any length, links not followed; null when nothing is. */
export function lookAt(path: string, paths: PathReach = SHORT): BigIntStats | null {
  return statOrNull(() => lstatSync(paths.near(path), { bigint: true }));
}

/** What is at `path`, links followed; null when nothing is. */
export function lookThrough(path: string, paths: PathReach = SHORT): BigIntStats | null {
  return statOrNull(() => statSync(paths.near(path), { bigint: true }));
}

/** How paths are given to file functions: by `LongPaths`, or as they are. */
export type PathReach = Pick<LongPaths, 'near'>;
const SHORT: PathReach = { near: asFilePath };

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
