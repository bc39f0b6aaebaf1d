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
  | 'swap'
  | 'memorySwappiness'
  | 'oomKillDisable'
  | 'cpuRealtime'
  | 'blkioWeight'
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
  const warnings: string[] = [];
  const discard = (what: string, limit: string): void =>
    void warnings.push(
      `Your kernel does not support ${what} or the cgroup is not mounted. ${limit} discarded.`,
    );
  checkMemory(asked, update);
  checkFits(asked, host);
  checkCpu(asked, host);
  const { memorySwappiness, oomKillDisable, blkioWeight, blkioWeightDevice, ...rest } = asked;
  let { memorySwap } = rest;
  if ((rest.memory ?? 0) > 0 && memorySwap !== -1 && !host.swap) {
    warnings.push(
      'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
    );
    memorySwap = -1;
  }
  // As much again as memory, where nothing was said.
  if (rest.memory !== undefined && memorySwap === undefined && !update) memorySwap = rest.memory * 2;
  const kept: Partial<Record<keyof Resources, unknown>> = { memorySwap };
  if (memorySwappiness !== undefined) {
    if (host.memorySwappiness) kept.memorySwappiness = memorySwappiness;
    else discard('memory swappiness capabilities', 'Memory swappiness');
  }
  if (oomKillDisable === true && !host.oomKillDisable)
    warnings.push('Your kernel does not support OomKillDisable. OomKillDisable discarded.');
  else kept.oomKillDisable = oomKillDisable;
  if (kept.oomKillDisable === true && rest.memory === undefined)
    warnings.push(
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    );
  if (blkioWeight !== undefined) {
    if (host.blkioWeight) kept.blkioWeight = blkioWeight;
    else discard('Block I/O weight', 'Weight');
  }
  if (blkioWeightDevice !== undefined) {
    if (host.blkioWeight) kept.blkioWeightDevice = blkioWeightDevice;
    else discard('Block I/O weight_device', 'Weight-device');
  }
  const value = Object.entries({ ...rest, ...kept }).filter(([, part]) => part !== undefined);
  return { value: Object.fromEntries(value), warnings };
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
