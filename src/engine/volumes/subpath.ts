import { join } from 'node:path';
import { SyscallError } from '../../host/libc.ts';
import { openBelow } from '../../host/open-below.ts';
import { HullError } from '../../model/errors.ts';
import type { Volume } from '../../storage/volumes/volume-store.ts';

/**
 * A descriptor of a part of a volume, which may hold hostile links: what it names stays the same, whatever is put in its place afterwards.
 * Throws `path-not-found` where there is none, `invalid-argument` where it leads out of the volume, in Docker's words.
 */
export function openSubpath(volume: Volume, subpath: string): number {
  try {
    return openBelow(volume.path, subpath);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const path = join(volume.path, subpath);
    if (error.code === 'EXDEV') {
      throw new HullError(
        'invalid-argument',
        `path concatenation escapes the base directory, base: ${volume.path}, subpath: ${subpath}`,
        { cause: error },
      );
    }
    const why = error.code === 'ENOENT' ? 'no such file or directory' : error.code;
    throw new HullError('path-not-found', `cannot access path ${path}: lstat ${path}: ${why}`, {
      cause: error,
    });
  }
}
