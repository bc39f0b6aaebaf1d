import type { Host } from '../../host/host.ts';
import { withTimeout } from '../../lib/rollback.ts';
import type { ProcessHandle } from './vm-record.ts';

const SIGKILL = 9;
const KILL_DEADLINE = 10_000;

/** Names a process for good: pids are used again. */
export function handleOf(host: Pick<Host, 'processes'>, pid: number): ProcessHandle {
  return { pid, startTime: host.processes.info(pid)?.startTime ?? 0 };
}

export function isAlive(host: Pick<Host, 'processes'>, handle: ProcessHandle): boolean {
  return host.processes.same(handle.pid, handle.startTime);
}

/** SIGKILL, and waits until it is gone. Fine when it is gone already. */
export async function endProcess(host: Pick<Host, 'processes'>, handle: ProcessHandle): Promise<void> {
  if (!isAlive(host, handle)) return;
  host.processes.kill(handle.pid, SIGKILL);
  await withTimeout(host.processes.gone(handle.pid), KILL_DEADLINE, `ending process ${handle.pid}`);
}
