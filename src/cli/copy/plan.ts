import { posix } from 'node:path';
import type { TarEntry, TarInput } from '../../lib/tar/archive.ts';
import { readArchivePath } from '../../lib/archive-path.ts';
import { CommandFailure } from '../usage-error.ts';

export interface CopySource {
  readonly folder: boolean;
  /** Only what is in the folder: the path ends in `/.`. */
  readonly contents: boolean;
  readonly name: string;
}

export interface CopyDestination {
  readonly path: string;
  /** What is there; null when nothing is. */
  readonly found: 'folder' | 'other' | null;
}

/** Where an archive is unpacked, and what its first member is called there ('.': the folder itself). */
export interface CopyPlan {
  readonly folder: string;
  readonly name: string;
}

/** Docker's rules for `cp`. Throws `CommandFailure`. */
export function planCopy(source: CopySource, destination: CopyDestination): CopyPlan {
  const { path, found } = destination;
  if (found === 'folder') return { folder: path, name: source.contents ? '.' : source.name };
  const beside = { folder: posix.dirname(trimmed(path)), name: posix.basename(trimmed(path)) };
  if (source.folder) {
    if (found === null) return beside;
    throw new CommandFailure(1, `cannot copy a folder over ${path}, which is none`);
  }
  if (!/\/\.?$/.test(path)) return beside;
  throw new CommandFailure(1, found === null ? `there is no folder ${path}` : `${path} is no folder`);
}

function trimmed(path: string): string {
  return path.replace(/(?<=.)\/+\.?$/, '') || '.';
}

/** How a source in an instance or on this machine is named. */
export function sourceOf(path: string, folder: boolean): CopySource {
  const { name } = readArchivePath(path);
  return { folder, contents: folder && name === '.', name };
}

/**
 * Gives an archive's first member, and with it all the others, another name. `base`: what it is called, as `readArchivePath` names it.
 */
export async function* renamed(
  entries: AsyncIterable<TarEntry | TarInput>,
  base: string,
  name: string,
): AsyncGenerator<TarInput> {
  for await (const { header, body } of entries) {
    const linkName = header.type === 'hardlink' ? rename(header.linkName ?? '', base, name) : header.linkName;
    const changed = {
      ...header,
      name: rename(header.name, base, name),
      ...(linkName === undefined ? {} : { linkName }),
    };
    yield { header: changed, ...(header.type === 'file' && body !== undefined ? { body } : {}) };
  }
}

function rename(member: string, base: string, name: string): string {
  const rest = base === '/' ? member.replace(/^\/*/, '') : member.slice(base.length).replace(/^\//, '');
  const inside = base === '/' ? true : member === base || member.startsWith(`${base}/`);
  if (!inside)
    throw new CommandFailure(1, `the engine sent ${JSON.stringify(member)}, which was not asked for`);
  if (rest === '') return name;
  return `${name}/${rest}`;
}
