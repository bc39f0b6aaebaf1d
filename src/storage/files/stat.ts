import { lstatSync, readlinkSync, type BigIntStats } from 'node:fs';
import { posix } from 'node:path';
import { readArchivePath, type ArchivePath } from '../../lib/archive-path.ts';
import { decodeBytes } from '../../lib/byte-text.ts';
import { HullError } from '../../model/errors.ts';
import type { FileStat } from '../../model/files.ts';
import { asFilePath } from '../../host/long-paths.ts';
import { isErrno, joinPath } from '../tree-paths.ts';
import type { ViewMount } from './files.ts';

/** As the kernel has it for one path. */
const MAX_LINKS = 40;

/** Looks at a path of this process's world; a link at its end is not followed unless the path says so by its ending. */
export function statPath(given: string): { stat: FileStat; place: ArchivePath } {
  const place = readArchivePath(given);
  const facts = look(place.path + place.ending);
  const stat = {
    name: place.name,
    size: Number(facts.size),
    mode: Number(facts.mode),
    mtime: facts.mtimeNs,
    linkTarget: facts.isSymbolicLink() ? followLink(place.path) : '',
  };
  return { stat, place };
}

function look(path: string): BigIntStats {
  try {
    return lstatSync(asFilePath(path), { bigint: true });
  } catch (error) {
    throw explain(error, path);
  }
}

function explain(error: unknown, path: string): unknown {
  if (isErrno(error, 'ENOENT')) return new HullError('path-not-found', `no such file or folder: ${path}`);
  // In the words of Docker's daemon.
  if (isErrno(error, 'ENOTDIR')) return new HullError('invalid-argument', `lstat ${path}: not a directory`);
  if (isErrno(error, 'ELOOP') || isErrno(error, 'ENAMETOOLONG'))
    return new HullError('invalid-argument', `lstat ${path}: ${error instanceof Error ? error.message : ''}`);
  return error;
}

/** The end of a chain of links, every folder on the way followed too; what does not exist is taken by its name. Never above the root. */
function followLink(path: string): string {
  const rest = path.split('/').filter((part) => part !== '');
  let at = '/';
  for (let links = 0; rest.length > 0;) {
    const part = rest.shift() ?? '';
    if (part === '..') at = posix.dirname(at);
    if (part === '..' || part === '.' || part === '') continue;
    const next = joinPath(at, part);
    const target = linkAt(next);
    if (target === null) {
      at = next;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw new HullError('invalid-argument', `too many links in ${path}`);
    if (target.startsWith('/')) at = '/';
    rest.unshift(...target.split('/'));
  }
  return at;
}

function linkAt(path: string): string | null {
  try {
    return decodeBytes(readlinkSync(asFilePath(path), 'buffer'));
  } catch {
    return null;
  }
}

/** The folder that is copied into, every link followed. Refuses what is no folder or read-only, in the words of Docker's daemon. */
export function destinationFolder(
  given: string,
  mounts: readonly ViewMount[],
  readOnlyRoot: boolean,
): string {
  const { path } = readArchivePath(given);
  // Not by realpath(3), which asks /proc.
  const real = followLink(path);
  if (!look(real).isDirectory())
    throw new HullError('invalid-argument', 'extraction point is not a directory');
  const over = mounts
    .filter(({ target }) => real === target || real.startsWith(`${target}/`))
    .toSorted((a, b) => b.target.length - a.target.length)[0];
  if (over?.readOnly === true) throw new HullError('denied', 'mounted volume is marked read-only');
  if (over === undefined && readOnlyRoot)
    throw new HullError('denied', 'container rootfs is marked read-only');
  return real;
}
