import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import type { CgroupFacts } from './cgroup-parse.ts';

/** Which limits this host's kernel knows, and how much there is to give. */
export interface HostLimits {
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  /** CPUs and memory nodes that exist, as a list: `0-3,8`. */
  readonly cpuset: string;
  readonly memoryNodes: string;
  readonly memoryLimit: boolean;
  readonly memoryReservation: boolean;
  readonly swap: boolean;
  readonly memorySwappiness: boolean;
  readonly oomKillDisable: boolean;
  readonly cpuQuota: boolean;
  readonly cpuShares: boolean;
  readonly cpusets: boolean;
  readonly pidsLimit: boolean;
  readonly cpuRealtime: boolean;
  readonly blkioWeight: boolean;
  readonly blkioThrottle: boolean;
  readonly appArmor: boolean;
  readonly seccomp: boolean;
  /** Those that the engine may give at most: its own bounding set, as a mask in hexadecimal (proc(5), `CapBnd`). */
  readonly capabilities: string;
  /** The highest hard limit (setrlimit(2)) that can be given, by Docker's name; one that is absent can be anything. */
  readonly ulimits: ReadonlyMap<string, number>;
  /** The lowest value that can be given, which is our own without CAP_SYS_RESOURCE. */
  readonly oomScoreAdj: number;
}

/** Names of /proc/PID/limits by those of setrlimit(2). */
const LIMIT_NAMES: Readonly<Record<string, string>> = {
  core: 'Max core file size',
  cpu: 'Max cpu time',
  data: 'Max data size',
  fsize: 'Max file size',
  locks: 'Max file locks',
  memlock: 'Max locked memory',
  msgqueue: 'Max msgqueue size',
  nice: 'Max nice priority',
  nofile: 'Max open files',
  nproc: 'Max processes',
  rss: 'Max resident set',
  rtprio: 'Max realtime priority',
  rttime: 'Max realtime timeout',
  sigpending: 'Max pending signals',
  stack: 'Max stack size',
};
export const ULIMIT_NAMES: readonly string[] = Object.keys(LIMIT_NAMES);

const CAP_SYS_RESOURCE = 24n;

/** Reads what stays the same while the host runs. */
export function readHostLimits({ layout, controllers, unified }: CgroupFacts): HostLimits {
  const v2 = layout === 'v2';
  const at = (controller: string, file: string): string =>
    `${v2 ? (unified ?? '') : (controllers.get(controller) ?? '/nowhere')}/${file}`;
  const has = (controller: string, file: string): boolean => existsSync(at(controller, file));
  const list = (kind: 'cpus' | 'mems'): string =>
    text(at('cpuset', v2 ? `cpuset.${kind}.effective` : `cpuset.${kind}`)).trim();
  const offered = new Set(v2 ? text(at('', 'cgroup.controllers')).trim().split(/\s+/) : []);
  const offers = (controller: string, file: string): boolean =>
    v2 ? offered.has(controller) : has(controller, file);
  const free = mayRaise(text('/proc/self/status'));
  return {
    cpus: availableParallelism(),
    memory: totalmem(),
    cpuset: list('cpus'),
    memoryNodes: list('mems'),
    memoryLimit: offers('memory', 'memory.limit_in_bytes'),
    memoryReservation: offers('memory', 'memory.soft_limit_in_bytes'),
    swap: v2 ? offered.has('memory') : has('memory', 'memory.memsw.limit_in_bytes'),
    memorySwappiness: !v2 && has('memory', 'memory.swappiness'),
    oomKillDisable: !v2 && has('memory', 'memory.oom_control'),
    cpuQuota: offers('cpu', 'cpu.cfs_quota_us'),
    cpuShares: offers('cpu', 'cpu.shares'),
    cpusets: offers('cpuset', 'cpuset.cpus'),
    // The root group has no limit of its own.
    pidsLimit: v2 ? offered.has('pids') : controllers.has('pids'),
    cpuRealtime: !v2 && has('cpu', 'cpu.rt_runtime_us'),
    blkioWeight: v2 ? offered.has('io') : has('blkio', 'blkio.weight'),
    blkioThrottle: v2 ? offered.has('io') : has('blkio', 'blkio.throttle.read_bps_device'),
    ...securityModules(),
    capabilities: /^CapBnd:\s*([0-9a-f]{1,16})$/m.exec(text('/proc/self/status'))?.[1] ?? '0',
    ulimits: free ? new Map() : hardLimits(text('/proc/self/limits')),
    oomScoreAdj: free ? -1000 : Number(text('/proc/self/oom_score_adj').trim() || '0'),
  };
}

/** What the kernel can confine processes with, beside namespaces. */
export function securityModules(): { readonly appArmor: boolean; readonly seccomp: boolean } {
  return {
    appArmor: text('/sys/module/apparmor/parameters/enabled').trim() === 'Y',
    seccomp: existsSync('/proc/sys/kernel/seccomp/actions_avail'),
  };
}

/** Hard limits that are not `unlimited`, by name. Format: proc(5), /proc/PID/limits. */
function hardLimits(limits: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const [name, title] of Object.entries(LIMIT_NAMES)) {
    const hard = new RegExp(`^${title}\\s+\\S+\\s+(\\d+)\\b`, 'm').exec(limits)?.[1];
    if (hard !== undefined) found.set(name, Number(hard));
  }
  return found;
}

/** Raising a hard limit, or lowering an OOM score, needs CAP_SYS_RESOURCE. `status`: /proc/PID/status. */
function mayRaise(status: string): boolean {
  const mask = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1];
  return mask !== undefined && ((BigInt(`0x${mask}`) >> CAP_SYS_RESOURCE) & 1n) === 1n;
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
