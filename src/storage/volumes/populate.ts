import { closeSync, constants, fstatSync, readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { Host } from '../../host/host.ts';
import { isHullError } from '../../model/errors.ts';
import type { Removals } from '../removals.ts';
import { asStorage } from '../storage-error.ts';
import type { Trees } from '../trees.ts';
import { copyTree, likeFolder } from './tree-copier.ts';
import type { ImageFolder } from './volume-store.ts';

export interface PopulateParts {
  readonly host: Host;
  readonly removals: Removals;
  readonly trees: Trees;
}

/**
 * Docker's copy-up: an empty folder takes over owner, mode and contents of the image's folder, whose links are followed inside the image.
 * False when the target was not empty, or the image has no such folder.
 * `live`: somebody may write into the target meanwhile, who is not to lead what is copied astray.
 */
export async function populate(
  { host, removals, trees }: PopulateParts,
  target: string,
  image: ImageFolder,
  live: boolean,
): Promise<boolean> {
  if ((await readdir(target)).length > 0) return false;
  const descriptor = openFolder(host, image);
  if (descriptor === null) return false;
  try {
    const source = `/proc/${process.pid}/fd/${descriptor}`;
    await asStorage('cannot fill the volume with what the image has', async () => {
      if (readdirSync(source).length > 0) {
        if (live) await trees.extract(trees.archive(source, { mode: 'plain' }), target, { mode: 'plain' });
        else await copyTree({ host, removals, trees }, source, target);
      }
      likeFolder(target, fstatSync(descriptor));
    });
    return true;
  } finally {
    closeSync(descriptor);
  }
}

function openFolder(host: Pick<Host, 'files'>, { root, path }: ImageFolder): number | null {
  try {
    return host.files.openInRoot(root, path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    const absent =
      isHullError(error, 'path-not-found') ||
      (error instanceof Error && 'code' in error && error.code === 'ENOTDIR');
    if (absent) return null;
    throw error;
  }
}
