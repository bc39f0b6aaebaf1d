import {
  createReadStream,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  type BigIntStats,
} from 'node:fs';
import { join } from 'node:path';
import { ignoreMatcher, type IgnoreMatcher, readIgnorePatterns } from '../../lib/dockerignore.ts';
import { packTar, type TarInput } from '../../lib/tar/archive.ts';
import { CommandFailure } from '../usage-error.ts';

/**
 * A folder as a tar stream for a build: what `.dockerignore` (or `BLUEPRINT.dockerignore`) leaves out is left out, the
 * blueprint and the ignore file themselves always go along. Owners are root's, as docker sends them. Sockets are skipped.
 * `extra` members are added at the end. Throws `CommandFailure` for a folder that cannot be read.
 */
export function packContext(
  folder: string,
  blueprint: string,
  extra: readonly TarInput[] = [],
): AsyncIterable<Uint8Array> {
  const ignore = ignoreRules(folder, blueprint);
  return packTar(allMembers(members(folder, '', ignore), extra));
}

async function* allMembers(
  first: AsyncIterable<TarInput>,
  extra: readonly TarInput[],
): AsyncGenerator<TarInput> {
  yield* first;
  yield* extra;
}

function ignoreRules(folder: string, blueprint: string): IgnoreMatcher {
  for (const name of [`${blueprint}.dockerignore`, '.dockerignore']) {
    const text = readIfThere(join(folder, name));
    if (text === null) continue;
    // Later patterns win: these bring back what the build itself needs.
    return ignoreMatcher([...readIgnorePatterns(text), `!${blueprint}`, `!${name}`]);
  }
  return ignoreMatcher([]);
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

async function* members(root: string, folder: string, ignore: IgnoreMatcher): AsyncGenerator<TarInput> {
  for (const name of listFolder(join(root, folder))) {
    const path = folder === '' ? name : `${folder}/${name}`;
    const full = join(root, path);
    const stats = lstatSync(full, { bigint: true });
    const ignored = ignore.ignores(path);
    if (!ignored) {
      const member = memberOf(path, full, stats);
      if (member !== null) yield member;
    }
    if (stats.isDirectory() && (!ignored || ignore.hasExceptions)) yield* members(root, path, ignore);
  }
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path).toSorted();
  } catch (error) {
    throw new CommandFailure(
      1,
      `cannot read the build context: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function memberOf(name: string, full: string, stats: BigIntStats): TarInput | null {
  const common = { name, mode: Number(stats.mode & 0o7777n), mtime: stats.mtimeNs };
  if (stats.isDirectory()) return { header: { ...common, type: 'directory' } };
  if (stats.isSymbolicLink()) return { header: { ...common, type: 'symlink', linkName: readlinkSync(full) } };
  if (stats.isFIFO()) return { header: { ...common, type: 'fifo' } };
  if (!stats.isFile()) return null;
  return { header: { ...common, type: 'file', size: Number(stats.size) }, body: createReadStream(full) };
}
