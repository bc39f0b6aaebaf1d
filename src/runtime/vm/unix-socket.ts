import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { HullError, messageOf } from '../../model/errors.ts';

const RETRY = 5;

/** Connects to a unix socket that a program just started may not have made yet. Rejects with `guest-unreachable` after `deadline` milliseconds. */
export async function connectSocket(
  path: string,
  deadline: number,
  giveUp: () => boolean = () => false,
): Promise<Socket> {
  const end = Date.now() + deadline;
  for (;;) {
    try {
      return await connectOnce(path);
    } catch (error) {
      if (Date.now() >= end || giveUp()) {
        throw new HullError('guest-unreachable', `cannot connect to ${path}: ${messageOf(error)}`, {
          cause: error,
        });
      }
    }
    await sleep(RETRY);
  }
}

function connectOnce(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
