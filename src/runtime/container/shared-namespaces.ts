import { existsSync, mkdirSync } from 'node:fs';
import type { Host } from '../../host/host.ts';
import { HullError } from '../../model/errors.ts';
import { DEFAULT_SHM_SIZE, joinedInstance } from '../../model/instance-options.ts';
import type { Bundle } from '../runtime.ts';

/** What is needed of another container to join its namespaces. */
export interface Donor {
  readonly bundle: Bundle;
  readonly pid: number;
  readonly running: boolean;
}

/** The namespaces that a container joins, by type, and the folder that is its /dev/shm where that is not its own. */
export interface SharedNamespaces {
  readonly joined: { readonly pid?: string; readonly ipc?: string };
  readonly sharedMemory: string | null;
}

const folderOf = (bundle: Bundle): string => `${bundle.runDir}/shm`;

/** Finds what is shared, and makes what others may share. Throws `wrong-state` when a donor does not run, `start-failed` when it shares nothing. */
export function shareNamespaces(
  host: Host,
  bundle: Bundle,
  find: (id: string) => Donor | null,
): SharedNamespaces {
  const { pidMode, ipcMode, shmSize } = bundle.options;
  const pid = joinedInstance(pidMode);
  const ipc = joinedInstance(ipcMode);
  const joined = {
    ...(pid === null ? {} : { pid: `/proc/${running('PID', pid, find).pid}/ns/pid` }),
    ...(ipc === null ? {} : { ipc: `/proc/${running('IPC', ipc, find).pid}/ns/ipc` }),
  };
  if (ipcMode === 'host') return { joined, sharedMemory: '/dev/shm' };
  if (ipc !== null) return { joined, sharedMemory: sharedBy(running('IPC', ipc, find)) };
  if (ipcMode !== 'shareable') return { joined, sharedMemory: null };
  const folder = folderOf(bundle);
  mkdirSync(folder, { recursive: true });
  host.mounts.mount('shm', folder, 'tmpfs', `mode=1777,size=${shmSize ?? DEFAULT_SHM_SIZE}`);
  return { joined, sharedMemory: folder };
}

/** Takes back what `shareNamespaces` made. Fine when it made nothing. */
export function endSharing(host: Host, bundle: Bundle): void {
  if (existsSync(folderOf(bundle))) host.mounts.detach(folderOf(bundle));
}

function running(what: string, id: string, find: (id: string) => Donor | null): Donor {
  const donor = find(id);
  if (donor?.running === true) return donor;
  throw new HullError(
    'wrong-state',
    `cannot join ${what} namespace of container ${id}: ${donor === null ? 'no such container runs with this isolation' : 'it is not running'}`,
  );
}

function sharedBy({ bundle }: Donor): string {
  if (bundle.options.ipcMode === 'shareable') return folderOf(bundle);
  if (bundle.options.ipcMode === 'host') return '/dev/shm';
  throw new HullError(
    'start-failed',
    `cannot join IPC of a container ${bundle.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  );
}
