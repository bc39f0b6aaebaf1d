import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DaemonOptions } from '../cli/index.ts';
import { lockFile } from '../host/file-lock.ts';
import type { EngineIdentity } from '../model/engine-identity.ts';
import { HullError } from '../model/errors.ts';

const DEFAULT_DATA = '/var/lib/hull';
const DEFAULT_RUN = '/run/hull';
const LOCK_TRIES = 40;
/** Milliseconds. */
const LOCK_PAUSE = 50;
/** Sockets of instances lie some 50 bytes below, and a socket's path has 107 bytes at most. */
const MAX_RUN_PATH = 52;

/** The folders of one engine: made, checked, and held against a second daemon. */
export class DaemonFolders {
  readonly identity: EngineIdentity;
  readonly socket: string;
  readonly #release: () => void;

  private constructor(identity: EngineIdentity, socket: string, release: () => void) {
    this.identity = identity;
    this.socket = socket;
    this.#release = release;
  }

  /** Throws `invalid-argument` for equal or nested folders, `wrong-state` when another daemon has them. */
  static async open(options: Pick<DaemonOptions, 'data' | 'run' | 'socket'>): Promise<DaemonFolders> {
    const data = make(options.data ?? DEFAULT_DATA);
    const run = make(options.run ?? DEFAULT_RUN);
    refuseNested(data, run);
    if (run.length > MAX_RUN_PATH) {
      throw new HullError(
        'invalid-argument',
        `the run folder ${run} is too deep: sockets inside it would exceed the limit of the system; choose one of at most ${MAX_RUN_PATH} characters`,
      );
    }
    const tag = createHash('sha256').update(data).digest('hex').slice(0, 4);
    const lock = join(data, 'daemon.pid');
    const release = await takeLock(lock);
    return new DaemonFolders(
      { tag, dataDir: data, runDir: run },
      options.socket ?? join(run, 'hull.sock'),
      release,
    );
  }

  close(): void {
    this.#release();
  }
}

function make(path: string): string {
  mkdirSync(resolve(path), { recursive: true, mode: 0o711 });
  return realpathSync(path);
}

function refuseNested(data: string, run: string): void {
  if (
    data !== run &&
    !`${data}${sep}`.startsWith(`${run}${sep}`) &&
    !`${run}${sep}`.startsWith(`${data}${sep}`)
  )
    return;
  throw new HullError(
    'invalid-argument',
    `the data folder ${data} and the run folder ${run} must not be equal or inside each other`,
  );
}

/** A daemon that was just killed takes a moment to be gone. */
async function takeLock(path: string): Promise<() => void> {
  for (let tries = 0; ; tries++) {
    const release = lockFile(path);
    if (release !== null) return release;
    if (tries >= LOCK_TRIES) {
      throw new HullError(
        'wrong-state',
        `another hull daemon (process ${readFileSync(path, 'utf8').trim()}) uses ${dirname(path)}; stop it, or choose another --data folder`,
      );
    }
    await sleep(LOCK_PAUSE);
  }
}
