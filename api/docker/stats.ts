export interface CpuStats {
  /** Nanoseconds. `percpu_usage` exists on v1 hosts only and is not given. */
  cpu_usage: { total_usage: number; usage_in_kernelmode: number; usage_in_usermode: number };
  /** Nanoseconds of the whole host, all CPUs. */
  system_cpu_usage?: number;
  online_cpus?: number;
  throttling_data: { periods: number; throttled_periods: number; throttled_time: number };
}

export interface InterfaceStats {
  rx_bytes: number;
  rx_packets: number;
  rx_errors: number;
  rx_dropped: number;
  tx_bytes: number;
  tx_packets: number;
  tx_errors: number;
  tx_dropped: number;
}

export interface BlockIoEntry {
  major: number;
  minor: number;
  op: string;
  value: number;
}

/** One sample of GET /containers/ID/stats. `precpu_stats` is the sample before: clients compute CPU % from the two. */
export interface ContainerStats {
  id: string;
  name: string;
  read: string;
  preread: string;
  num_procs: number;
  pids_stats: { current?: number; limit?: number };
  cpu_stats: CpuStats;
  precpu_stats: CpuStats;
  memory_stats: { usage?: number; limit?: number; stats?: Readonly<Record<string, number>> };
  blkio_stats: { io_service_bytes_recursive: readonly BlockIoEntry[] | null } & Readonly<
    Record<string, readonly BlockIoEntry[] | null>
  >;
  storage_stats: Readonly<Record<string, number>>;
  networks?: Readonly<Record<string, InterfaceStats>>;
}
