import { existsSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupFacts } from './cgroup-parse.ts';
import type { MountEntry } from './host.ts';
import { securityModules } from './host-limits.ts';

/** What the host's kernel can limit and do. */
export interface KernelFeatures {
  readonly memoryLimit: boolean;
  readonly swapLimit: boolean;
  readonly cpuQuota: boolean;
  readonly cpuShares: boolean;
  readonly cpuset: boolean;
  readonly pidsLimit: boolean;
  /** Only the first version of control groups has it. */
  readonly oomKillDisable: boolean;
  readonly ipv4Forwarding: boolean;
  readonly seccomp: boolean;
  /** Type of the file system that holds a folder, in the words of Docker's storage drivers. */
  readonly backingFilesystem: string;
}

/** statfs(2)'s numbers, as moby's graph drivers name them. */
const FILESYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, 'extfs'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlayfs'],
  [0x2fc12fc1, 'zfs'],
  [0x6969, 'nfs'],
  [0xf2f52010, 'f2fs'],
]);

/** Reads what the kernel offers; `folder` is the one whose file system is asked for. */
export function kernelFeatures(mounts: readonly MountEntry[], folder: string): KernelFeatures {
  return {
    ...cgroupFeatures(mounts),
    seccomp: securityModules().seccomp,
    ipv4Forwarding: readOr('/proc/sys/net/ipv4/ip_forward').trim() === '1',
    backingFilesystem: FILESYSTEMS.get(statfsSync(folder).type) ?? '<unknown>',
  };
}

function cgroupFeatures(
  mounts: readonly MountEntry[],
): Omit<KernelFeatures, 'ipv4Forwarding' | 'backingFilesystem' | 'seccomp'> {
  const { layout, controllers, unified } = cgroupFacts(mounts);
  if (layout === 'v2') {
    const root = unified ?? '/sys/fs/cgroup';
    const has = new Set(readOr(join(root, 'cgroup.controllers')).trim().split(' '));
    return {
      memoryLimit: has.has('memory'),
      swapLimit: has.has('memory') && existsSync('/proc/swaps'),
      cpuQuota: has.has('cpu'),
      cpuShares: has.has('cpu'),
      cpuset: has.has('cpuset'),
      pidsLimit: has.has('pids'),
      oomKillDisable: false,
    };
  }
  const offers = (controller: string, file: string): boolean => {
    const mounted = controllers.get(controller);
    return mounted !== undefined && existsSync(join(mounted, file));
  };
  return {
    memoryLimit: offers('memory', 'memory.limit_in_bytes'),
    swapLimit: offers('memory', 'memory.memsw.limit_in_bytes'),
    cpuQuota: offers('cpu', 'cpu.cfs_quota_us'),
    cpuShares: offers('cpu', 'cpu.shares'),
    cpuset: offers('cpuset', 'cpuset.cpus'),
    pidsLimit: controllers.has('pids'),
    oomKillDisable: offers('memory', 'memory.oom_control'),
  };
}

/** This process's open files and threads. */
export function ownLoad(): { readonly files: number; readonly threads: number } {
  const threads = /^Threads:\s*(\d+)/m.exec(readOr('/proc/self/status'))?.[1] ?? '0';
  return { files: readdirSync('/proc/self/fd').length, threads: Number(threads) };
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
