import type { ExitStatus, RestartPolicy } from '../../model/instance.ts';
import { startedAtOf } from '../../model/instance-status.ts';
import type { InstanceRecord } from './record.ts';

/** Docker's back-off, milliseconds: each wait is twice the one before, and a run that lasted is forgiven what was before. */
const FIRST_DELAY = 100;
const LONGEST_DELAY = 60_000;
const LASTING_RUN = 10_000;

/** What the policy looks at when a run has ended. */
export interface EndedRun {
  readonly policy: RestartPolicy | undefined;
  readonly exitCode: number;
  /** Milliseconds. */
  readonly ranFor: number;
  /** Restarts since somebody started it. */
  readonly restartCount: number;
  /** The wait before this run, milliseconds; 0 for none. */
  readonly lastDelay: number;
  /** Somebody ended it, and wants it so. */
  readonly manuallyStopped: boolean;
}

export type AfterRun = { readonly type: 'rest' } | { readonly type: 'restart'; readonly delay: number };

const REST: AfterRun = { type: 'rest' };

/** Pure. */
export function planAfterRun(run: EndedRun): AfterRun {
  if (run.manuallyStopped || !wants(run)) return REST;
  const before = run.ranFor >= LASTING_RUN ? 0 : run.lastDelay;
  return { type: 'restart', delay: Math.min(Math.max(before * 2, FIRST_DELAY), LONGEST_DELAY) };
}

function wants({ policy, exitCode, restartCount }: EndedRun): boolean {
  switch (policy?.name) {
    case undefined:
    case 'no':
      return false;
    case 'always':
    case 'unless-stopped':
      return true;
    case 'on-failure':
      return exitCode !== 0 && (policy.maximumRetryCount === 0 || restartCount < policy.maximumRetryCount);
  }
}

/** The facts of a run of `record` that ended with `exit`. */
export function endedRun(record: InstanceRecord, exit: ExitStatus): EndedRun {
  const { config, status } = record;
  const startedAt = startedAtOf(status);
  return {
    policy: config.restartPolicy,
    exitCode: exit.code,
    ranFor: startedAt === null ? 0 : exit.finishedAt - startedAt,
    restartCount: status.restartCount,
    lastDelay: record.restartDelay ?? 0,
    manuallyStopped: record.manuallyStopped ?? false,
  };
}

/**
 * Does the policy, or what was cut short, start it now that the daemon is back? `before`: as the last daemon left it; `after`: as recovery left it. Pure. An `always` instance
 * starts even when somebody had stopped it, as Docker's documentation says.
 */
export function startsWithDaemon(before: InstanceRecord, after: InstanceRecord): boolean {
  const atRest = ['created', 'restarting', 'exited'].includes(after.status.state);
  const ranBefore = startedAtOf(before.status) !== null || before.status.state !== 'created';
  if (!atRest || !ranBefore) return false;
  if (after.status.state === 'restarting' || before.comesBack === true) return true;
  const stopped = after.manuallyStopped ?? false;
  switch (after.config.restartPolicy?.name) {
    case undefined:
    case 'no':
      return false;
    case 'always':
      return true;
    case 'unless-stopped':
      return !stopped;
    case 'on-failure': {
      // Only a run that was cut off: one that had failed for the last time is left alone.
      const cutOff = ['starting', 'running', 'paused', 'stopping'].includes(before.status.state);
      const exit = after.status.exit;
      return cutOff && exit !== null && planAfterRun(endedRun(after, exit)).type === 'restart';
    }
  }
}

/**
 * Was it about to be followed by another run when the daemon was killed, and has not been taken apart yet? It may have got its stop signal already. Pure.
 */
export function restartsWithDaemon(before: InstanceRecord, after: InstanceRecord): boolean {
  const replaced = before.status.state === 'stopping' && before.comesBack === true;
  return replaced && ['running', 'paused'].includes(after.status.state);
}
