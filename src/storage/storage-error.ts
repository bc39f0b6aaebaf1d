import { isNoSpace } from '../host/exec.ts';
import { HullError, messageOf } from '../model/errors.ts';

/** An error of the store as the rest of the engine should see it: a full or read-only disk by its own code, everything else as it was. */
export function storageError(error: unknown, what: string): unknown {
  if (error instanceof HullError && error.code !== 'command-failed') return error;
  if (isReadOnly(messageOf(error))) {
    const why = `the data folder's file system is read-only (${messageOf(error)}); remount it writable`;
    return new HullError('data-read-only', `${what}: ${why}`, { cause: error });
  }
  if (!isNoSpace(error)) return error;
  return new HullError(
    'no-space',
    `${what}: the disk is full (${messageOf(error)}); free space with \`hull rmi\` or \`hull rm\``,
    { cause: error },
  );
}

/** In the words of Node, of programs and of SQLite. In capitals alone: `erofs` is the file system of the disks, and the name of its program. */
function isReadOnly(said: string): boolean {
  return /\bEROFS\b/.test(said) || /read-?only (?:file system|database)/i.test(said);
}

/** Runs `work`; its errors become the store's. */
export async function asStorage<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storageError(error, what);
  }
}
