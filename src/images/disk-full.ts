import { isNoSpace } from '../host/exec.ts';
import { HullError, messageOf } from '../model/errors.ts';

/** Runs `work`; a full disk is told by its own code. */
export async function withRoomFor<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof HullError || !isNoSpace(error)) throw error;
    throw new HullError(
      'no-space',
      `there is no room for ${what}: the disk is full (${messageOf(error)}); free space with \`hull rmi\` or \`hull rm\``,
      { cause: error },
    );
  }
}
