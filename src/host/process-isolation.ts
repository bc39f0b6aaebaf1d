import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What sets a process apart from others, as the kernel shows it (proc(5), namespaces(7), cgroups(7)). */
export interface ProcessIsolation {
  /** Identity by kind: `net` -> `net:[4026531833]`. */
  readonly namespaces: ReadonlyMap<string, string>;
  /** 0 none, 1 strict, 2 filter. */
  readonly seccomp: number;
  readonly noNewPrivileges: boolean;
  /** Effective user id, in the namespace of the host. */
  readonly user: number;
  /** How many capabilities it may ever have. */
  readonly capabilities: number;
  /** Control group by controller; the key is empty for version 2. */
  readonly controlGroups: ReadonlyMap<string, string>;
  /** AppArmor's or SELinux's label; empty where there is none. */
  readonly securityLabel: string;
  /** It holds a KVM virtual machine. */
  readonly usesKvm: boolean;
}

/** Null when the process is gone. */
export function readIsolation(pid: number | 'self'): ProcessIsolation | null {
  const status = readOrEmpty(`/proc/${pid}/status`);
  if (status === '') return null;
  return {
    namespaces: namespacesOf(pid),
    ...parseStatus(status),
    controlGroups: parseControlGroups(readOrEmpty(`/proc/${pid}/cgroup`)),
    securityLabel: readOrEmpty(`/proc/${pid}/attr/current`).replaceAll('\0', '').trim(),
    usesKvm: links(`/proc/${pid}/fd`).some(([, target]) => target === 'anon_inode:kvm-vm'),
  };
}

/** The fields of /proc/PID/status that tell of isolation. */
export function parseStatus(
  text: string,
): Pick<ProcessIsolation, 'seccomp' | 'noNewPrivileges' | 'user' | 'capabilities'> {
  const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)?.[1] ?? '';
  return {
    seccomp: Number.parseInt(field('Seccomp'), 10) || 0,
    noNewPrivileges: field('NoNewPrivs').trim() === '1',
    user: Number.parseInt(field('Uid').split('\t')[1] ?? '0', 10) || 0,
    capabilities: bitsOf(field('CapBnd')),
  };
}

/** /proc/PID/cgroup: `ID:CONTROLLERS:PATH`, version 2 with no controllers. */
export function parseControlGroups(text: string): Map<string, string> {
  const groups = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    for (const controller of controllers.split(',')) groups.set(controller, path);
  }
  return groups;
}

function bitsOf(hexadecimal: string): number {
  return /^[0-9a-f]{1,16}$/i.test(hexadecimal)
    ? BigInt(`0x${hexadecimal}`).toString(2).replaceAll('0', '').length
    : 0;
}

function namespacesOf(pid: number | 'self'): Map<string, string> {
  return new Map(links(`/proc/${pid}/ns`).filter(([name]) => !name.endsWith('_for_children')));
}

function links(folder: string): [string, string][] {
  try {
    return readdirSync(folder).flatMap((name): [string, string][] => {
      try {
        return [[name, readlinkSync(`${folder}/${name}`)]];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
