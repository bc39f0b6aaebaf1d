import { chmodSync, mkdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DaemonOptions } from '../cli/index.ts';
import { lockFile } from '../host/file-lock.ts';
import type { EngineIdentity } from '../model/engine-identity.ts';
import { HullError } from '../model/errors.ts';
import { markPath } from '../state/engine-files.ts';
import { claimFolders } from './claim-folders.ts';
import { releaseTag } from './engine-tag.ts';

export const DEFAULT_DATA = '/var/lib/hull';
const DEFAULT_RUN = '/run/hull';
const LOCK_TRIES = 40;
const DATA_MODE = 0o700;
/** Milliseconds. */
const LOCK_PAUSE = 50;
/** Sockets of instances lie some 50 bytes below, and a socket's path has 107 bytes at most. */
const MAX_RUN_PATH = 52;

/** The folders of one engine: made, checked that they are its own, and held against a second daemon. */
export class DaemonFolders {
  readonly identity: EngineIdentity;
  /** A UUID that lasts as long as the data folder. */
  readonly engineId: string;
  readonly socket: string;
  /** What lies in the data folder, by kind: with any of it there must be a database. */
  readonly content: readonly string[];
  readonly #release: () => void;

  private constructor(
    { tag, dataDir, runDir }: EngineIdentity,
    own: { engineId: string; socket: string; content: readonly string[]; release: () => void },
  ) {
    this.identity = { tag, dataDir, runDir };
    this.engineId = own.engineId;
    this.socket = own.socket;
    this.content = own.content;
    this.#release = own.release;
  }

  /**
   * Throws `invalid-argument` for equal or nested folders, `wrong-state` when another daemon has one of them, `engine-mismatch` when one belongs to another
   * engine or the two do not belong together, `state-missing` for content without a database, `not-supported` for what a newer version wrote.
   */
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
    const locks = [await takeLock(data, '--data')];
    const release = (): void => locks.forEach((unlock) => unlock());
    try {
      locks.push(await takeLock(run, '--run'));
      const { engineId, tag, content } = claimFolders(data, run);
      // Of an older version, perhaps: what is stored is nobody's but the engine's.
      chmodSync(data, DATA_MODE);
      const socket = options.socket ?? join(run, 'hull.sock');
      return new DaemonFolders({ tag, dataDir: data, runDir: run }, { engineId, socket, content, release });
    } catch (error) {
      release();
      throw error;
    }
  }

  /** The host has been given back: nothing of this engine is left in the run folder or under its tag, which any engine may use now. */
  leaveRun(): void {
    rmSync(markPath(this.identity.runDir), { force: true });
    releaseTag(this.identity.tag);
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
export async function takeLock(folder: string, flag: '--data' | '--run'): Promise<() => void> {
  const path = join(folder, 'daemon.pid');
  for (let tries = 0; ; tries++) {
    const release = lockFile(path);
    if (release !== null) return release;
    if (tries >= LOCK_TRIES) {
      throw new HullError(
        'wrong-state',
        `another hull daemon (process ${readFileSync(path, 'utf8').trim()}) uses ${folder}; stop it, or choose another ${flag} folder`,
        { details: { taken: folder } },
      );
    }
    await sleep(LOCK_PAUSE);
  }
}
