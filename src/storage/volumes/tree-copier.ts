import { chmodSync, chownSync, mkdirSync, readdirSync, renameSync, type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Host } from '../../host/host.ts';
import { HullError } from '../../model/errors.ts';
import type { Repositories } from '../../state/repositories.ts';
import type { DataFolders } from '../data-folders.ts';
import type { Removals } from '../removals.ts';
import { asStorage } from '../storage-error.ts';
import type { Trees } from '../trees.ts';

export interface TreeCopierParts {
  readonly host: Host;
  readonly folders: DataFolders;
  readonly removals: Removals;
  readonly repositories: Repositories;
  readonly trees: Trees;
}

/** A finished copy in the temporary folder. */
export interface FinishedCopy {
  readonly path: string;
  /** Moves it to its place and records it, in this order and on the disk when it returns. */
  moveTo(target: string, record: () => void): void;
}

/** Whole copies of folders: made in the temporary folder, synced, then put in their place. */
export class TreeCopier {
  readonly #parts: TreeCopierParts;

  constructor(parts: TreeCopierParts) {
    this.#parts = parts;
  }

  /** `live`: the source may change meanwhile, by hands that are not trusted. `use` puts the copy in its place; what stays is removed. */
  async copy<T>(
    source: string,
    { live, what }: { live: boolean; what: string },
    use: (copy: FinishedCopy) => T | Promise<T>,
  ): Promise<T> {
    const { host, folders, removals, repositories, trees } = this.#parts;
    return await folders.withTemporary(removals, (path) =>
      asStorage(what, async () => {
        mkdirSync(path, { mode: 0o755 });
        if (live) {
          await trees.extract(trees.archive(source, { mode: 'plain' }), path, { mode: 'plain' });
          likeFolder(path, statSync(source));
        } else await copyTree(this.#parts, source, path);
        await host.files.syncFilesystem(path);
        const moveTo = (target: string, record: () => void): void => {
          renameSync(path, target);
          try {
            repositories.durably(record);
          } catch (error) {
            removals.discard(target);
            throw error;
          }
        };
        const result = await use({ path, moveTo });
        await host.files.fsync(dirname(source));
        return result;
      }),
    );
  }
}

/**
 * Everything of every file, blocks shared where the file system can (cp(1)). The source must not change meanwhile. A tree with paths that are too
 * long for cp goes through an archive, which fills holes.
 */
export async function copyTree(
  { host, removals, trees }: Pick<TreeCopierParts, 'host' | 'removals' | 'trees'>,
  source: string,
  target: string,
): Promise<void> {
  const child = host.exec.spawn(
    ['cp', '-a', '--reflink=auto', '--remove-destination', '--', `${source}/.`, target],
    { stderr: 'pipe' },
  );
  const said = textOf(child.stderr);
  const code = await child.exited;
  if (code === 0) return;
  const message = await said;
  if (!message.includes(TOO_LONG))
    throw new HullError('command-failed', `cp ended with status ${code}: ${message}`);
  for (const name of readdirSync(target)) removals.discard(join(target, name));
  await trees.extract(trees.archive(source, { mode: 'plain' }), target, { mode: 'plain' });
}

/** ENAMETOOLONG, as strerror(3) has it in the C locale. */
const TOO_LONG = 'File name too long';

/** Owner and mode of a folder. */
export function likeFolder(folder: string, { uid, gid, mode }: Pick<Stats, 'uid' | 'gid' | 'mode'>): void {
  chownSync(folder, uid, gid);
  chmodSync(folder, mode & 0o7777);
}

async function textOf(stream: Readable | null): Promise<string> {
  let text = '';
  if (stream !== null) for await (const chunk of stream) text = (text + String(chunk)).slice(-2000);
  return text.trim();
}
