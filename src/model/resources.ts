/** Limits of one instance. Absent means unlimited for containers, and the engine's default shape for VMs. */
export interface Resources {
  /** Bytes of memory. */
  readonly memory?: number;
  /** Bytes of memory plus swap; -1 for unlimited swap. */
  readonly memorySwap?: number;
  /** Billionths of a CPU (Docker's NanoCpus): 1.5 CPUs is 1_500_000_000. */
  readonly nanoCpus?: number;
  readonly cpuShares?: number;
  readonly cpusetCpus?: string;
  readonly pidsLimit?: number;
}
