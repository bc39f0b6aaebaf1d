import { closeSync, constants, fstatSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import type { Host } from '../../host/host.ts';
import { realPathInRoot } from '../copy/source-tree.ts';

/** By this many programs find out that they run in a container. */
const MARK = '.dockerenv';
/** Places that a runtime mounts something on, and makes where they are missing. Deeper ones first. */
const PLACES = [MARK, 'etc/resolv.conf', 'etc/hosts', 'etc/hostname', 'etc', 'dev', 'proc', 'sys'];
const O_PATH = 0o10000000;

/**
 * Marks the root as a container's, and notes which mount places it lacks; the function returned removes those that a run made and left empty, so that they do not become part
 * of the image.
 */
export function rememberStubs(host: Host, root: string): () => void {
  const missing = PLACES.filter((place) => realPathInRoot(host, root, place) === null);
  // Never through a link: what the image has there stays.
  if (missing.includes(MARK)) makeUnlessThere(posix.join(root, MARK));
  return () => {
    for (const place of missing) removeEmpty(host, root, place);
  };
}

function makeUnlessThere(path: string): void {
  try {
    writeFileSync(path, '', { flag: 'wx', mode: 0o755 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

function removeEmpty(host: Host, root: string, place: string): void {
  const real = realPathInRoot(host, root, place);
  // Something else than the plain file or folder that a runtime makes is the command's own work.
  if (real !== place) return;
  const file = host.files.openInRoot(root, `/${place}`, O_PATH | constants.O_NOFOLLOW);
  const parent = host.files.openInRoot(root, posix.dirname(`/${place}`), O_PATH);
  try {
    const facts = fstatSync(file);
    const path = `/proc/self/fd/${parent}/${posix.basename(place)}`;
    if (facts.isDirectory()) rmdirSync(path);
    else if (facts.isFile() && facts.size === 0) unlinkSync(path);
  } catch (error) {
    // Not empty: the command put something there.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY')) throw error;
  } finally {
    closeSync(file);
    closeSync(parent);
  }
}
