import { rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { HullError } from '../model/errors.ts';

/**
 * Makes way for a new socket at `path`: removes one that nobody listens on. Throws `wrong-state` when a daemon answers there, and
 * `invalid-argument` when something else is in the place.
 */
export async function clearStaleSocket(path: string): Promise<void> {
  const facts = await stat(path).catch(() => null);
  if (facts === null) return;
  if (!facts.isSocket()) {
    throw new HullError(
      'invalid-argument',
      `cannot listen on ${path}: it exists and is not a socket; choose another path with --socket`,
    );
  }
  if (await answers(path)) {
    throw new HullError(
      'wrong-state',
      `cannot listen on ${path}: another daemon answers there; stop it, or choose another path with --socket`,
    );
  }
  await rm(path, { force: true });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
  });
}
