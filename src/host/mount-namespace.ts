import { closeSync, openSync } from 'node:fs';
import { HullError } from '../model/errors.ts';
import type { Processes } from './host.ts';

/**
 * A descriptor of a process's mount namespace; the caller closes it. Whoever has the pid by now is not taken for the process meant: rejects
 * `wrong-state` when that has ended.
 */
export function openMountNamespace(
  processes: Pick<Processes, 'same'>,
  { pid, startTime }: { pid: number; startTime: number },
): number {
  const ended = new HullError('wrong-state', `process ${pid} has ended`);
  let descriptor: number;
  try {
    descriptor = openSync(`/proc/${pid}/ns/mnt`, 'r');
  } catch (error) {
    throw Object.assign(ended, { cause: error });
  }
  if (processes.same(pid, startTime)) return descriptor;
  closeSync(descriptor);
  throw ended;
}
