import type { HostLimits } from '../../host/host-limits.ts';
import { HullError } from '../../model/errors.ts';
import type { Resources } from '../../model/resources.ts';

const MINIMUM_MEMORY = 6 * 1024 * 1024;
const BILLION = 1_000_000_000;

type Host = Pick<
  HostLimits,
  | 'cpus'
  | 'memory'
  | 'cpuset'
  | 'memoryNodes'
  | 'memoryLimit'
  | 'memoryReservation'
  | 'swap'
  | 'memorySwappiness'
  | 'oomKillDisable'
  | 'cpuQuota'
  | 'cpuShares'
  | 'cpusets'
  | 'pidsLimit'
  | 'cpuRealtime'
  | 'blkioWeight'
  | 'blkioThrottle'
>;

export interface Settled<T> {
  readonly value: T;
  readonly warnings: readonly string[];
}

/**
 * Limits as this host can give them, by Docker's rules and in its words (moby, daemon/daemon_unix.go): what makes no sense is refused with
 * `invalid-argument`, what the kernel cannot do is left out with a warning, and what follows from other fields is filled in. Pure.
 */
export function settleResources(asked: Resources, host: Host, { update = false } = {}): Settled<Resources> {
  checkMemory(asked, update);
  checkFits(asked, host);
  checkCpu(asked, host);
  const memory = discard(asked, host, MEMORY);
  const swap = settleSwap(memory.value, host, update);
  const soft = discard(swap.value, host, SOFT_MEMORY);
  const killer = settleOomKiller(soft.value, host);
  const rest = discard(killer.value, host, PROCESSES_AND_DEVICES);
  const value = Object.entries(rest.value).filter(([, part]) => part !== undefined);
  const warnings = [memory, swap, soft, killer, rest].flatMap((one) => one.warnings);
  return { value: Object.fromEntries(value), warnings };
}

/** A limit that some kernels do not have, or whose controller is not mounted: what it is made of, and what Docker says when it is left out. */
interface OptionalLimit {
  readonly needs: keyof Host;
  readonly fields: readonly (keyof Resources)[];
  readonly warning: string;
}

const unsupported = (what: string, left: string): string =>
  `Your kernel does not support ${what} or the cgroup is not mounted. ${left} discarded.`;

const MEMORY: readonly OptionalLimit[] = [
  {
    needs: 'memoryLimit',
    fields: ['memory', 'memorySwap'],
    warning: unsupported('memory limit capabilities', 'Limitation'),
  },
];

const SOFT_MEMORY: readonly OptionalLimit[] = [
  {
    needs: 'memorySwappiness',
    fields: ['memorySwappiness'],
    warning: unsupported('memory swappiness capabilities', 'Memory swappiness'),
  },
  {
    needs: 'memoryReservation',
    fields: ['memoryReservation'],
    warning: unsupported('memory soft limit capabilities', 'Limitation'),
  },
];

const throttle = (field: keyof Resources, what: string, left: string): OptionalLimit => ({
  ...{ needs: 'blkioThrottle', fields: [field] },
  warning: unsupported(`${what} limit`, `Block I/O ${left} limit`),
});

const PROCESSES_AND_DEVICES: readonly OptionalLimit[] = [
  {
    needs: 'pidsLimit',
    fields: ['pidsLimit'],
    warning: unsupported('PIDs limit capabilities', 'PIDs limit'),
  },
  { needs: 'cpuShares', fields: ['cpuShares'], warning: unsupported('CPU shares', 'Shares') },
  {
    needs: 'cpuQuota',
    fields: ['cpuPeriod', 'cpuQuota'],
    warning: 'Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.',
  },
  { needs: 'cpusets', fields: ['cpusetCpus', 'cpusetMems'], warning: unsupported('cpuset', 'Cpuset') },
  { needs: 'blkioWeight', fields: ['blkioWeight'], warning: unsupported('Block I/O weight', 'Weight') },
  {
    needs: 'blkioWeight',
    fields: ['blkioWeightDevice'],
    warning: unsupported('Block I/O weight_device', 'Weight-device'),
  },
  throttle('blkioDeviceReadBps', 'BPS Block I/O read', 'BPS read'),
  throttle('blkioDeviceWriteBps', 'BPS Block I/O write', 'BPS write'),
  throttle('blkioDeviceReadIOps', 'IOPS Block read', 'IOPS read'),
  throttle('blkioDeviceWriteIOps', 'IOPS Block write', 'IOPS write'),
];

/** Leaves out what the host does not have; a value that asks for nothing goes without a word. */
function discard(asked: Resources, host: Host, limits: readonly OptionalLimit[]): Settled<Resources> {
  const gone = limits.filter(({ needs }) => host[needs] !== true);
  const fields = new Set<string>(gone.flatMap((limit) => limit.fields));
  return {
    value: Object.fromEntries(Object.entries(asked).filter(([field]) => !fields.has(field))),
    warnings: gone
      .filter((limit) => limit.fields.some((field) => isLimit(field, asked[field])))
      .map(({ warning }) => warning),
  };
}

/** `0`, `-1` and nothing ask for no limit; swappiness has no such value. */
function isLimit(field: keyof Resources, value: unknown): boolean {
  if (typeof value === 'number') return value > 0 || field === 'memorySwappiness';
  return value !== undefined && value !== '';
}

function settleSwap(asked: Resources, host: Host, update: boolean): Settled<Resources> {
  if ((asked.memory ?? 0) > 0 && asked.memorySwap !== -1 && !host.swap) {
    const warning =
      'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.';
    return { value: { ...asked, memorySwap: -1 }, warnings: [warning] };
  }
  // As much again as memory, where nothing was said.
  if (asked.memory !== undefined && asked.memorySwap === undefined && !update)
    return { value: { ...asked, memorySwap: asked.memory * 2 }, warnings: [] };
  return { value: asked, warnings: [] };
}

function settleOomKiller(asked: Resources, host: Host): Settled<Resources> {
  if (asked.oomKillDisable !== true) return { value: asked, warnings: [] };
  if (!host.oomKillDisable) {
    const { oomKillDisable: _, ...rest } = asked;
    const warning = 'Your kernel does not support OomKillDisable. OomKillDisable discarded.';
    return { value: rest, warnings: [warning] };
  }
  const unbounded =
    'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.';
  return { value: asked, warnings: asked.memory === undefined ? [unbounded] : [] };
}

/** Docker takes any number; a limit that cannot be reached is a mistake in a unit more often than a wish. */
function checkFits({ memory }: Resources, host: Host): void {
  if (memory === undefined || memory <= host.memory) return;
  throw invalid(
    `${gibibytes(memory)} of memory were asked for, but this host has ${gibibytes(host.memory)}; ask for less`,
  );
}

/** Rounded down, so that what is too much never looks as if it fitted. */
const gibibytes = (bytes: number): string => `${Math.floor((bytes / 2 ** 30) * 10) / 10}GiB`;

function checkMemory(
  { memory, memorySwap, memoryReservation, memorySwappiness }: Resources,
  update: boolean,
) {
  if (memory !== undefined && memory < MINIMUM_MEMORY) throw invalid('Minimum memory limit allowed is 6MB');
  if (memory !== undefined && (memorySwap ?? 0) > 0 && (memorySwap ?? 0) < memory)
    throw invalid('Minimum memoryswap limit should be larger than memory limit, see usage');
  if (memory === undefined && (memorySwap ?? 0) > 0 && !update)
    throw invalid('You should always set the Memory limit when using Memoryswap limit, see usage');
  if (memorySwappiness !== undefined && (memorySwappiness < 0 || memorySwappiness > 100))
    throw invalid(`Invalid value: ${memorySwappiness}, valid memory swappiness range is 0-100`);
  if (memoryReservation !== undefined && memoryReservation < MINIMUM_MEMORY)
    throw invalid('Minimum memory reservation allowed is 6MB');
  if (memory !== undefined && memoryReservation !== undefined && memory < memoryReservation)
    throw invalid('Minimum memory limit can not be less than memory reservation limit, see usage');
}

function checkCpu(asked: Resources, host: Host): void {
  const { nanoCpus, cpuPeriod, cpuQuota, cpuRealtimePeriod, cpuRealtimeRuntime, blkioWeight } = asked;
  if (nanoCpus !== undefined && (cpuPeriod ?? 0) > 0)
    throw invalid('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (nanoCpus !== undefined && (cpuQuota ?? 0) > 0)
    throw invalid('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  if ((nanoCpus ?? 0) > 0 && !host.cpuQuota)
    throw invalid(
      'NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted',
    );
  if (nanoCpus !== undefined && (nanoCpus < 0 || nanoCpus > host.cpus * BILLION))
    throw invalid(
      `range of CPUs is from 0.01 to ${host.cpus}.00, as there are only ${host.cpus} CPUs available`,
    );
  if (cpuPeriod !== undefined && (cpuPeriod < 1000 || cpuPeriod > 1_000_000))
    throw invalid('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  if ((cpuQuota ?? 0) > 0 && (cpuQuota ?? 0) < 1000)
    throw invalid('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  if ((cpuRealtimePeriod !== undefined || cpuRealtimeRuntime !== undefined) && !host.cpuRealtime)
    throw invalid('Your kernel does not support CPU real-time scheduler');
  if ((cpuRealtimeRuntime ?? 0) > (cpuRealtimePeriod ?? Infinity))
    throw invalid('cpu real-time runtime cannot be higher than cpu real-time period');
  if (blkioWeight !== undefined && (blkioWeight < 10 || blkioWeight > 1000))
    throw invalid('Range of blkio weight is from 10 to 1000');
  checkSet('cpus', 'CPUs', asked.cpusetCpus, host.cpuset);
  checkSet('mems', 'memory nodes', asked.cpusetMems, host.memoryNodes);
}

function checkSet(field: 'cpus' | 'mems', what: string, asked: string | undefined, there: string): void {
  if (asked === undefined) return;
  const wanted = parseList(asked);
  if (wanted === null) throw invalid(`Invalid value ${asked} for cpuset ${field}: invalid format: ${asked}`);
  const available = parseList(there) ?? new Set();
  if (there === '' || [...wanted].every((number) => available.has(number))) return;
  throw invalid(`Requested ${what} are not available - requested ${asked}, available: ${there}`);
}

/** More are nobody's. */
const MAX_NUMBER = 8192;

/** The numbers of `0-3,8` (cpuset(7)); null when it is no such list. */
export function parseList(text: string): Set<number> | null {
  const numbers = new Set<number>();
  for (const part of text.split(',').filter((one) => one.trim() !== '')) {
    const [, first, last] = /^\s*(\d{1,5})(?:-(\d{1,5}))?\s*$/.exec(part) ?? [];
    if (first === undefined) return null;
    const end = Number(last ?? first);
    if (end < Number(first) || end >= MAX_NUMBER) return null;
    for (let number = Number(first); number <= end; number += 1) numbers.add(number);
  }
  return numbers;
}

function invalid(message: string): HullError {
  return new HullError('invalid-argument', message);
}
