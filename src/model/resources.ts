/**
 * Limits of one instance. Absent means unlimited for containers, and the engine's default shape for VMs. Everything is kept as it was given, so
 * that inspect shows it so; `cpuBandwidth` says what several fields mean together.
 */
export interface Resources {
  /** Bytes of memory. */
  readonly memory?: number;
  /** Bytes of memory plus swap; -1 for unlimited swap. */
  readonly memorySwap?: number;
  /** Bytes that are left to the instance when memory runs short. */
  readonly memoryReservation?: number;
  /** 0 to 100. */
  readonly memorySwappiness?: number;
  readonly oomKillDisable?: boolean;
  /** Billionths of a CPU (Docker's NanoCpus): 1.5 CPUs is 1_500_000_000. */
  readonly nanoCpus?: number;
  readonly cpuShares?: number;
  /** Microseconds. */
  readonly cpuPeriod?: number;
  /** Microseconds per period; negative for unlimited. */
  readonly cpuQuota?: number;
  /** Microseconds. */
  readonly cpuRealtimePeriod?: number;
  /** Microseconds. */
  readonly cpuRealtimeRuntime?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly pidsLimit?: number;
  /** 10 to 1000. */
  readonly blkioWeight?: number;
  readonly blkioWeightDevice?: readonly WeightDevice[];
  readonly blkioDeviceReadBps?: readonly ThrottleDevice[];
  readonly blkioDeviceWriteBps?: readonly ThrottleDevice[];
  readonly blkioDeviceReadIOps?: readonly ThrottleDevice[];
  readonly blkioDeviceWriteIOps?: readonly ThrottleDevice[];
}

/** A device of the host's, by path. */
export interface WeightDevice {
  readonly path: string;
  readonly weight: number;
}

/** A device of the host's, by path, and bytes or operations a second. */
export interface ThrottleDevice {
  readonly path: string;
  readonly rate: number;
}

/** The kernel's default, microseconds. */
const CPU_PERIOD = 100_000;
const LEAST_QUOTA = 1000;

/** CPU time per period, microseconds: what a number of CPUs, or quota and period, come to. `quota` absent: unlimited. */
export function cpuBandwidth(resources: Resources): {
  readonly quota?: number;
  readonly period?: number;
} {
  const { nanoCpus, cpuQuota, cpuPeriod } = resources;
  if (nanoCpus !== undefined) {
    return { quota: Math.max(LEAST_QUOTA, Math.round((nanoCpus / 1e9) * CPU_PERIOD)), period: CPU_PERIOD };
  }
  return {
    ...(cpuQuota === undefined || cpuQuota < 0 ? {} : { quota: cpuQuota }),
    ...(cpuPeriod === undefined ? {} : { period: cpuPeriod }),
  };
}
