import { createReadStream, lstatSync, readdirSync, readlinkSync, statSync, type BigIntStats } from 'node:fs';
import { resolve } from 'node:path';
import type { TarInput } from '../../lib/tar/archive.ts';
import { CommandFailure } from '../usage-error.ts';

/** A file or folder of this machine; links are followed only where `follow`, or the path's ending, says so. */
export interface LocalSource {
  readonly folder: boolean;
  /** Bytes of the file; null for a folder, which is not counted ahead. */
  members(base: string): AsyncGenerator<TarInput>;
}

/** Throws `CommandFailure` where nothing is. */
export function localSource(cwd: string, path: string, follow: boolean): LocalSource {
  const full = resolve(cwd, path);
  const through = follow || /\/\.?$/.test(path);
  const facts = through
    ? statSync(full, { bigint: true, throwIfNoEntry: false })
    : lstatSync(full, { bigint: true, throwIfNoEntry: false });
  if (facts === undefined) throw new CommandFailure(1, `lstat ${full}: no such file or directory`);
  const folder = facts.isDirectory();
  if (/\/\.?$/.test(path) && !folder) throw new CommandFailure(1, `${path} is no folder`);
  const links = new Map<string, string>();
  return { folder, members: (base) => membersOf(full, base, facts, links) };
}

async function* membersOf(
  full: string,
  name: string,
  facts: BigIntStats,
  links: Map<string, string>,
): AsyncGenerator<TarInput> {
  const member = memberOf(full, name, facts, links);
  if (member !== null) yield member;
  if (!facts.isDirectory()) return;
  for (const entry of readdirSync(full).toSorted()) {
    const path = `${full}/${entry}`;
    const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    const below = name === '.' ? `./${entry}` : `${name}/${entry}`;
    if (found !== undefined) yield* membersOf(path, below, found, links);
  }
}

/** Null for a socket, which no archive can hold. */
function memberOf(
  full: string,
  name: string,
  facts: BigIntStats,
  links: Map<string, string>,
): TarInput | null {
  const common = {
    name,
    mode: Number(facts.mode & 0o7777n),
    uid: Number(facts.uid),
    gid: Number(facts.gid),
    mtime: facts.mtimeNs,
  };
  if (facts.isDirectory()) return { header: { ...common, type: 'directory' } };
  if (facts.isSymbolicLink()) return { header: { ...common, type: 'symlink', linkName: readlinkSync(full) } };
  if (facts.isFIFO()) return { header: { ...common, type: 'fifo' } };
  if (!facts.isFile()) return null;
  const key = `${facts.dev}:${facts.ino}`;
  const first = facts.nlink > 1n ? links.get(key) : undefined;
  if (first !== undefined) return { header: { ...common, type: 'hardlink', linkName: first } };
  if (facts.nlink > 1n) links.set(key, name);
  return { header: { ...common, type: 'file', size: Number(facts.size) }, body: createReadStream(full) };
}
