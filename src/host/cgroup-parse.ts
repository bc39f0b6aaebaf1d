import type { MountEntry } from './host.ts';

/** How control groups are laid out on a host: every controller on v1, all on v2, or both kinds mounted. */
export type CgroupLayout = 'v1' | 'v2' | 'hybrid';

/** Where the controllers are. */
export interface CgroupFacts {
  readonly layout: CgroupLayout;
  /** v1 controller to the folder where its hierarchy is mounted. */
  readonly controllers: ReadonlyMap<string, string>;
  /** Where v2 is mounted; null without v2. */
  readonly unified: string | null;
}

/** Reads the layout from the mount table: entries of types `cgroup` (v1) and `cgroup2`. */
export function cgroupFacts(mounts: readonly MountEntry[]): CgroupFacts {
  const controllers = new Map<string, string>();
  let unified: string | null = null;
  for (const { type, target, options } of mounts) {
    if (type === 'cgroup2') unified ??= target;
    if (type !== 'cgroup') continue;
    for (const name of options.split(',').filter((option) => V1_CONTROLLERS.has(option))) {
      if (!controllers.has(name)) controllers.set(name, target);
    }
    const named = /(?:^|,)name=([^,]+)/.exec(options)?.[1];
    if (named !== undefined) controllers.set(`name=${named}`, target);
  }
  if (controllers.size === 0) return { layout: 'v2', controllers, unified: unified ?? '/sys/fs/cgroup' };
  return { layout: unified === null ? 'v1' : 'hybrid', controllers, unified };
}

const V1_CONTROLLERS: ReadonlySet<string> = new Set([
  'cpu',
  'cpuacct',
  'cpuset',
  'memory',
  'devices',
  'freezer',
  'blkio',
  'pids',
  'hugetlb',
  'perf_event',
  'net_cls',
  'net_prio',
  'rdma',
  'misc',
]);

/**
 * Controllers of /proc/cgroups (name, hierarchy, groups, enabled) that are not among the `mounted`. The hierarchy's number does not tell: a
 * hierarchy that was unmounted keeps it for as long as the kernel holds one of its groups.
 */
export function unmountedControllers(text: string, mounted: ReadonlyMap<string, string>): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(/\s+/))
    .filter(([name = '', , , enabled]) => enabled === '1' && !mounted.has(name))
    .map(([name = '']) => name);
}

/** `key value` lines (memory.stat, cpu.stat, memory.events, memory.oom_control); what is no whole number is left out. */
export function parseKeyed(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^(\S+) (\d+)$/.exec(line);
    if (match !== null) values.set(match[1] ?? '', Number(match[2]));
  }
  return values;
}

/** One number, or `max`; null when it is neither. */
export function parseLimit(text: string): number | 'max' | null {
  const value = text.trim();
  if (value === 'max') return 'max';
  return /^-?\d+$/.test(value) ? Number(value) : null;
}

/** Bytes read and written on all devices. v2 `io.stat`: `8:0 rbytes=1 wbytes=2 …`; v1 `blkio.throttle.io_service_bytes*`: `8:0 Read 1`. */
export function parseBlockBytes(text: string): { read: number; write: number } {
  let read = 0;
  let write = 0;
  for (const line of text.split('\n')) {
    const v1 = /^\d+:\d+ (Read|Write) (\d+)$/.exec(line);
    if (v1 !== null) {
      if (v1[1] === 'Read') read += Number(v1[2]);
      else write += Number(v1[2]);
      continue;
    }
    read += Number(/^\d+:\d+ .*\brbytes=(\d+)/.exec(line)?.[1] ?? 0);
    write += Number(/^\d+:\d+ .*\bwbytes=(\d+)/.exec(line)?.[1] ?? 0);
  }
  return { read, write };
}

/** Process ids of `cgroup.procs`. */
export function parsePids(text: string): number[] {
  return text
    .split('\n')
    .filter((line) => /^[1-9]\d*$/.test(line))
    .map(Number);
}
