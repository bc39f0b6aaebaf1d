import type { Host } from '../../host/host.ts';
import type { HostProcesses } from '../../runtime/runtime.ts';
import type { Footprint, ProcessFootprint } from '../api.ts';

/** Memory of host processes; those that have just ended are left out. */
export function footprintOf(host: Host, processes: HostProcesses): Footprint {
  const measure = (pids: readonly number[]): ProcessFootprint[] =>
    pids.flatMap((pid) => {
      const info = host.processes.info(pid);
      return info === null ? [] : [{ pid, pss: info.pss, rss: info.rss, command: info.command.join(' ') }];
    });
  return { workload: measure(processes.workload), helpers: measure(processes.helpers) };
}
