import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, realpathSync, rmSync, writeSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import type { DaemonOptions } from '../cli/index.ts';
import type { EngineIdentity } from '../model/engine-identity.ts';
import { HullError } from '../model/errors.ts';

const DEFAULT_DATA = '/var/lib/hull';
const DEFAULT_RUN = '/run/hull';
/** Sockets of instances lie some 50 bytes below, and a socket's path has 107 bytes at most. */
const MAX_RUN_PATH = 52;

/** The folders of one engine: made, checked, and held against a second daemon. */
export class DaemonFolders {
  readonly identity: EngineIdentity;
  readonly socket: string;
  readonly #lock: string;

  private constructor(identity: EngineIdentity, socket: string, lock: string) {
    this.identity = identity;
    this.socket = socket;
    this.#lock = lock;
  }

  /** Throws `invalid-argument` for equal or nested folders, `wrong-state` when another daemon has them. */
  static open(options: Pick<DaemonOptions, 'data' | 'run' | 'socket'>): DaemonFolders {
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
    takeLock(lock);
    return new DaemonFolders(
      { tag, dataDir: data, runDir: run },
      options.socket ?? join(run, 'hull.sock'),
      lock,
    );
  }

  close(): void {
    rmSync(this.#lock, { force: true });
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

/** The lock names a process for good: its pid and its start time. One left by a killed daemon is taken over. */
function takeLock(path: string): void {
  const own = `${process.pid} ${startTimeOf(process.pid)}`;
  for (;;) {
    try {
      const file = openSync(path, 'wx', 0o600);
      writeSync(file, own);
      closeSync(file);
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const [pid = '', startTime = ''] = readFileSync(path, 'utf8').split(' ');
    if (startTime !== '' && startTimeOf(Number(pid)) === startTime) {
      throw new HullError(
        'wrong-state',
        `another hull daemon (process ${pid}) uses ${path.slice(0, path.lastIndexOf('/'))}; stop it, or choose another --data folder`,
      );
    }
    rmSync(path, { force: true });
  }
}

/** Clock ticks since boot, field 22 of /proc/PID/stat; '' when there is no such process, or only its remains (a killed daemon whom nobody has waited for yet). */
function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? '' : (fields[19] ?? '');
  } catch {
    return '';
  }
}
