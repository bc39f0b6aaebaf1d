import { existsSync, writeFileSync } from 'node:fs';
import { HullError } from '../model/errors.ts';
import { cpuBandwidth, type Resources } from '../model/resources.ts';

/** One value for one file of a control group. */
export interface LimitWrite {
  readonly controller: string;
  readonly file: string;
  readonly value: string;
}

const CPU_PERIOD = 100_000;
const SHARES = 1024;

/**
 * What must be written so that a group that has the limits of `before` has those of `after` (kernel: admin-guide/cgroup-v1, cgroup-v2). Limits of
 * single devices and realtime scheduling stay what they are: Docker changes neither. Pure.
 */
export function limitWrites(layout: 'v1' | 'v2', before: Resources, after: Resources): LimitWrite[] {
  const render = layout === 'v2' ? filesV2 : filesV1;
  const old = new Map(render(before).map((write) => [write.file, write.value]));
  return render(after).filter(({ file, value }) => old.get(file) !== value && value !== '');
}

function filesV1(resources: Resources): LimitWrite[] {
  const { memory, memoryReservation, memorySwappiness, cpuShares, pidsLimit } = resources;
  const { quota, period } = cpuBandwidth(resources);
  const swap = swapOf(resources);
  return [
    limit('memory', 'memory.limit_in_bytes', memory ?? -1),
    limit('memory', 'memory.memsw.limit_in_bytes', swap ?? -1),
    limit('memory', 'memory.soft_limit_in_bytes', memoryReservation ?? -1),
    limit('memory', 'memory.swappiness', memorySwappiness ?? ''),
    limit('cpu', 'cpu.cfs_period_us', period ?? CPU_PERIOD),
    limit('cpu', 'cpu.cfs_quota_us', quota ?? -1),
    limit('cpu', 'cpu.shares', cpuShares ?? SHARES),
    ...cpuset(resources),
    limit('pids', 'pids.max', unlimited(pidsLimit)),
    limit('blkio', 'blkio.bfq.weight', resources.blkioWeight ?? ''),
  ];
}

function filesV2(resources: Resources): LimitWrite[] {
  const { memory, memoryReservation, cpuShares, pidsLimit } = resources;
  const { quota, period } = cpuBandwidth(resources);
  const both = swapOf(resources);
  const swap = both === undefined || both < 0 ? 'max' : both - (memory ?? 0);
  return [
    limit('memory', 'memory.max', memory ?? 'max'),
    limit('memory', 'memory.swap.max', swap),
    limit('memory', 'memory.low', memoryReservation ?? 0),
    limit('cpu', 'cpu.max', `${quota ?? 'max'} ${period ?? CPU_PERIOD}`),
    limit('cpu', 'cpu.weight', weightOfShares(cpuShares ?? SHARES)),
    ...cpuset(resources),
    limit('pids', 'pids.max', unlimited(pidsLimit)),
    limit('io', 'io.bfq.weight', resources.blkioWeight ?? ''),
  ];
}

function cpuset({ cpusetCpus, cpusetMems }: Resources): LimitWrite[] {
  return [limit('cpuset', 'cpuset.cpus', cpusetCpus ?? ''), limit('cpuset', 'cpuset.mems', cpusetMems ?? '')];
}

/** Memory without a word on swap may swap as much again, as with Docker; undefined for unlimited memory. */
function swapOf({ memory, memorySwap }: Resources): number | undefined {
  return memorySwap ?? (memory === undefined ? undefined : memory * 2);
}

/** Shares (2 to 262144) as a v2 weight (1 to 10000), by the formula that all OCI runtimes share. */
function weightOfShares(shares: number): number {
  const within = Math.min(Math.max(shares, 2), 262_144);
  return 1 + Math.floor(((within - 2) * 9999) / 262_142);
}

function unlimited(value: number | undefined): number | 'max' {
  return value === undefined || value <= 0 ? 'max' : value;
}

function limit(controller: string, file: string, value: number | string): LimitWrite {
  return { controller, file, value: String(value) };
}

/** Where a controller's files of one group lie; null where the host has no such controller. */
export type FolderOf = (controller: string) => string | null;

/**
 * Writes limits. Where the kernel lacks a file (no swap accounting, no such scheduler) its limit is left out, as it is at the start. Throws
 * `command-failed` naming the file when the kernel refuses a value.
 */
export function writeLimits(folderOf: FolderOf, writes: readonly LimitWrite[]): void {
  const late: LimitWrite[] = [];
  for (const write of writes) {
    // A limit of memory above that of memory plus swap is refused: then the latter goes first.
    if (!tryWrite(folderOf, write)) late.push(write);
  }
  for (const write of late) {
    if (tryWrite(folderOf, write)) continue;
    throw new HullError(
      'command-failed',
      `the kernel refuses ${write.value} for ${write.file}; the instance may use more than that already`,
    );
  }
}

function tryWrite(folderOf: FolderOf, { controller, file, value }: LimitWrite): boolean {
  const folder = folderOf(controller);
  const path = `${folder ?? ''}/${file}`;
  if (folder === null || !existsSync(path)) return true;
  try {
    writeFileSync(path, value);
    return true;
  } catch {
    return false;
  }
}
