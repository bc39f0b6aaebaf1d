import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const TCP_LISTEN = '0A';

/**
 * Which program has a port, as `name (pid 123)`; null where it cannot be told (a socket of the kernel's, or of another pid namespace). Reads
 * /proc/net and every process's open files: only for error messages.
 */
export function findHolder(protocol: 'tcp' | 'udp' | 'sctp', port: number): string | null {
  const tables = [`/proc/net/${protocol}`, `/proc/net/${protocol}6`].map(readOrEmpty);
  const inodes = new Set(tables.flatMap((table) => socketInodes(table, port, protocol === 'tcp')));
  if (inodes.size === 0) return null;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (hasSocket(pid, inodes))
      return `${readOrEmpty(`/proc/${pid}/comm`).trim() || 'a program'} (pid ${pid})`;
  }
  return null;
}

/** Inodes of the sockets at a local port in the text of /proc/net/{tcp,udp}{,6} (Linux, Documentation/networking/proc_net_tcp.rst). */
export function socketInodes(table: string, port: number, onlyListening: boolean): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state]) => local.endsWith(suffix) && (!onlyListening || state === TCP_LISTEN))
    .flatMap((fields) => (fields[9] === undefined || fields[9] === '0' ? [] : [fields[9]]));
}

function hasSocket(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkOrEmpty(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode !== undefined && inodes.has(inode);
    });
  } catch {
    return false; // The process ended meanwhile.
  }
}

function readlinkOrEmpty(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
