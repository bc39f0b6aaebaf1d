import { after } from '../../lib/timers.ts';
import { HullError, isHullError } from '../../model/errors.ts';
import { startedAtOf } from '../../model/instance-status.ts';
import type { InstanceRecord } from './record.ts';

/** A start that was ended by a signal, or by a removal. */
export function killedWhileStarting({ config }: InstanceRecord, signal: number): HullError {
  const how = signal === SIGKILL ? 'killed' : `ended by signal ${signal}`;
  return new HullError('start-failed', `instance ${config.name} was ${how} while it was being started`, {
    details: { exitCode: 128 + signal },
  });
}

const SIGKILL = 9;

/** What a daemon's or the host's end cut short, for the user; null when the instance was at rest. */
export function interruptionOf({ status }: InstanceRecord): string | null {
  switch (status.state) {
    case 'starting':
      return 'the daemon ended while the instance was being started; start it again';
    case 'running':
    case 'paused':
    case 'stopping':
      return 'the run ended while no daemon watched it (the host was started again, or its processes were killed); its exit status is not known';
    case 'created':
    case 'restarting':
    case 'exited':
    case 'removing':
      return null;
  }
}

/** For a pause or its end, refused because the run has ended meanwhile: there is nothing left to hold or to go on. Other errors are thrown again. */
export function unlessOver(error: unknown): void {
  if (!isHullError(error, 'wrong-state')) throw error;
}

/** Null when `promise` takes longer; `seconds` -1 waits for ever. */
export async function within<T>(promise: Promise<T>, seconds: number): Promise<T | null> {
  if (seconds < 0) return promise;
  const { promise: late, resolve } = Promise.withResolvers<null>();
  using _patience = after(seconds * 1000, () => resolve(null));
  return await Promise.race([promise, late]);
}

/** How long the last run took, in seconds. */
export function runSeconds(record: InstanceRecord): number {
  const { exit } = record.status;
  const startedAt = startedAtOf(record.status);
  return startedAt === null || exit === null ? 0 : Math.round((exit.finishedAt - startedAt) / 1000);
}
