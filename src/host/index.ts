import { LinuxExec } from './exec.ts';
import { LinuxFiles } from './files.ts';
import type { Host } from './host.ts';
import { Libc } from './libc.ts';
import { LinuxMounts } from './mounts.ts';
import { LinuxNamespaces } from './namespaces.ts';
import { LinuxProcesses } from './processes.ts';
import { LinuxSockets } from './sockets.ts';

export type { Host } from './host.ts';

/** The real machine. */
export function createHost(): Host {
  const libc = new Libc();
  const exec = new LinuxExec();
  return {
    exec,
    mounts: new LinuxMounts(libc, exec),
    namespaces: new LinuxNamespaces(libc),
    files: new LinuxFiles(libc, exec),
    processes: new LinuxProcesses(),
    sockets: new LinuxSockets(libc),
  };
}
