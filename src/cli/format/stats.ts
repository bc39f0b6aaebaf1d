import type { ContainerStats } from '../../../api/docker.ts';
import type { Row } from './listing.ts';
import { binarySize, humanSize } from './units.ts';

/** Titles of everything that a row of `hull stats` can show. */
export const STATS_TITLES = {
  BlockIO: 'BLOCK I/O',
  CPUPerc: 'CPU %',
  Container: 'CONTAINER',
  ID: 'CONTAINER ID',
  MemPerc: 'MEM %',
  MemUsage: 'MEM USAGE / LIMIT',
  Name: 'NAME',
  NetIO: 'NET I/O',
  PIDs: 'PIDS',
} as const;

/** What is shown of an instance that gave no sample yet, or no longer runs. */
export function emptyStatsRow(id: string, name: string, truncate: boolean): Row {
  return {
    BlockIO: '-- / --',
    CPUPerc: '--',
    Container: truncate ? id.slice(0, 12) : id,
    ID: truncate ? id.slice(0, 12) : id,
    MemPerc: '--',
    MemUsage: '-- / --',
    Name: name,
    NetIO: '-- / --',
    PIDs: '--',
  };
}

/** One row of `hull stats`, computed as docker does. */
export function statsRow(stats: ContainerStats, truncate: boolean): Row {
  const used = usedMemory(stats);
  const limit = stats.memory_stats.limit ?? 0;
  const networks = Object.values(stats.networks ?? {});
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    ...emptyStatsRow(stats.id, stats.name.replace(/^\//, ''), truncate),
    BlockIO: `${humanSize(blockBytes(stats, 'read'), 3)} / ${humanSize(blockBytes(stats, 'write'), 3)}`,
    CPUPerc: `${cpuPercent(stats).toFixed(2)}%`,
    MemPerc: `${(limit === 0 ? 0 : (used / limit) * 100).toFixed(2)}%`,
    MemUsage: `${binarySize(used)} / ${binarySize(limit)}`,
    NetIO: `${humanSize(sum(networks.map((one) => one.rx_bytes)), 3)} / ${humanSize(sum(networks.map((one) => one.tx_bytes)), 3)}`,
    PIDs: String(stats.pids_stats.current ?? 0),
  };
}

/** Memory without what the kernel can drop: inactive file pages (v1 `total_inactive_file`, v2 `inactive_file`). */
function usedMemory({ memory_stats: { usage = 0, stats = {} } }: ContainerStats): number {
  const inactive = stats['total_inactive_file'] ?? stats['inactive_file'] ?? 0;
  return inactive < usage ? usage - inactive : usage;
}

function cpuPercent({ cpu_stats: now, precpu_stats: before }: ContainerStats): number {
  const own = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const host = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  return own > 0 && host > 0 ? (own / host) * (now.online_cpus ?? 1) * 100 : 0;
}

function blockBytes({ blkio_stats }: ContainerStats, operation: 'read' | 'write'): number {
  const entries = blkio_stats?.io_service_bytes_recursive ?? [];
  return entries
    .filter((entry) => entry.op.toLowerCase() === operation)
    .reduce((total, entry) => total + entry.value, 0);
}
