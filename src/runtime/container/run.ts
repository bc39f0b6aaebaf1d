import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cgroup } from '../../host/cgroup.ts';
import type { ExitStatus } from '../../model/instance.ts';
import type { Bundle, Started } from '../runtime.ts';
import { readPid, runFiles } from './conmon.ts';
import type { ExitFolder } from './exits.ts';

/** Where the moment of the start is kept for the next daemon. */
const STARTED_FILE = 'started';
/** conmon renames the exit file into place just before it ends. */
const EXIT_FILE_GRACE = 200;
/** When it could not be read, milliseconds. */
const TRY_AGAIN = 250;
/** What a workload is said to have ended with when its monitor was killed and nobody knows better. */
const UNKNOWN_EXIT = 137;

/** One run of an instance, as this daemon knows it. */
export class ContainerRun {
  bundle: Bundle;
  readonly cgroup: Cgroup;
  readonly pid: number;
  readonly pidStartTime: number;
  started: Started | null = null;
  /** The monitor lives a moment longer than its workload. */
  monitorEnded: Promise<unknown> = Promise.resolve();
  /** Resolves once, never rejects. */
  readonly exit: Promise<ExitStatus>;
  readonly #exits: ExitFolder;
  readonly #resolve: (exit: ExitStatus) => void;
  #over = false;

  constructor(
    bundle: Bundle,
    cgroup: Cgroup,
    { pid, pidStartTime }: { pid: number; pidStartTime: number },
    exits: ExitFolder,
  ) {
    this.bundle = bundle;
    this.cgroup = cgroup;
    this.pid = pid;
    this.pidStartTime = pidStartTime;
    this.#exits = exits;
    const { promise, resolve } = Promise.withResolvers<ExitStatus>();
    this.exit = promise;
    this.#resolve = resolve;
    exits.expect(bundle.id, () => this.#end());
  }

  get id(): string {
    return this.bundle.id;
  }

  get exited(): boolean {
    return this.#over;
  }

  get running(): boolean {
    return this.started !== null && !this.#over;
  }

  get conmonPid(): number {
    return readPid(`${this.bundle.runDir}/${runFiles.conmonPid}`);
  }

  /** The monitor's own end, as a second witness: it may have been killed before it could tell. */
  watchMonitor(ended: Promise<unknown>): void {
    this.monitorEnded = ended;
    void ended.then(async () => {
      if (!this.#over) await sleep(EXIT_FILE_GRACE);
      this.#end(UNKNOWN_EXIT);
    });
  }

  markStarted(): Started {
    this.started = { pid: this.pid, pidStartTime: this.pidStartTime, startedAt: Date.now() };
    writeFileSync(`${this.bundle.runDir}/${STARTED_FILE}`, JSON.stringify(this.started), { mode: 0o600 });
    return this.started;
  }

  #end(unknown?: number): void {
    if (this.#over) return;
    try {
      const record =
        this.#exits.read(this.bundle.id) ??
        (unknown === undefined ? null : { code: unknown, finishedAt: Date.now() });
      if (record === null) return;
      // Read before the control group is removed, which happens after the exit is known.
      const oomKilled = this.cgroup.oomKills() > 0;
      this.#over = true;
      this.#resolve({ ...record, oomKilled });
    } catch {
      // No descriptor was left: its status is there to be read in a moment, and is not made up.
      setTimeout(() => this.#end(unknown), TRY_AGAIN);
    }
  }
}

/** The start that an earlier daemon wrote down; null when there was none or the file is torn. */
export function readStarted(runDir: string): Started | null {
  try {
    const value: unknown = JSON.parse(readFileSync(`${runDir}/${STARTED_FILE}`, 'utf8'));
    if (
      typeof value !== 'object' ||
      value === null ||
      !('pid' in value) ||
      !('pidStartTime' in value) ||
      !('startedAt' in value)
    )
      return null;
    const { pid, pidStartTime, startedAt } = value;
    return typeof pid === 'number' && typeof pidStartTime === 'number' && typeof startedAt === 'number'
      ? { pid, pidStartTime, startedAt }
      : null;
  } catch {
    return null;
  }
}

/** Makes the folder of a run where the engine has not. */
export function ensureRunDir(runDir: string): void {
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
}
