import { FOLDERS_TAKEN } from '../model/daemon-status.ts';
import { HullError, isHullError } from '../model/errors.ts';
import { type ByteConnection, connectUnix } from '../host/unix-connection.ts';
import type { Dial } from './http-client.ts';

/** A daemon that was just started. */
export interface StartedDaemon {
  /** Resolves to its exit status when it ends early. */
  readonly exited: Promise<number>;
  /** The end of what it has printed. */
  logTail(): string;
}

export interface OnDemandOptions {
  readonly path: string;
  /** Starts a daemon for the socket, detached. Called at most once. */
  readonly start: () => Promise<StartedDaemon>;
  /** Milliseconds to wait for it; one that ends is told at once. */
  readonly timeout?: number;
}

/** An emulated or busy host takes more than half a minute. */
const STARTS_WITHIN = 120_000;

const POLL = 15;

/** Dials the socket; where nobody listens, starts a daemon once and waits until it answers. Rejects with `engine-unreachable` and the daemon's last words. */
export function dialOnDemand(options: OnDemandOptions): Dial {
  let starting: Promise<void> | null = null;
  return async () => {
    try {
      return await connectUnix(options.path);
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
    starting ??= startAndWait(options);
    await starting;
    return connectUnix(options.path);
  };
}

/** Nobody listens: no socket file, or one that a dead daemon left. */
function isAbsent(error: unknown): boolean {
  return (
    isHullError(error, 'engine-unreachable') &&
    ['ENOENT', 'ECONNREFUSED'].includes(String(error.details['reason']))
  );
}

async function startAndWait({ path, start, timeout = STARTS_WITHIN }: OnDemandOptions): Promise<void> {
  const daemon = await start();
  let status: number | null = null;
  const watch = daemon.exited.then((code) => (status = code));
  for (const deadline = Date.now() + timeout; Date.now() < deadline;) {
    const connection = await connectUnix(path).catch(() => null);
    if (connection !== null) return close(connection);
    // Another command has started one at the same moment, and ours ended for it: that one is about to answer.
    if (status !== null && status !== FOLDERS_TAKEN)
      throw failed(path, `it ended with status ${String(status)}`, daemon.logTail());
    const pause = new Promise((resolve) => setTimeout(resolve, POLL));
    await (status === null ? Promise.race([watch, pause]) : pause);
  }
  throw failed(path, `it did not answer within ${timeout / 1000} seconds`, daemon.logTail());
}

function close(connection: ByteConnection): void {
  connection.close();
}

function failed(path: string, why: string, log: string): HullError {
  const words = log.trim() === '' ? 'it printed nothing' : `it said:\n${log.trim()}`;
  return new HullError(
    'engine-unreachable',
    `no engine answered at unix://${path}, and the one just started failed: ${why}; ${words}`,
  );
}
