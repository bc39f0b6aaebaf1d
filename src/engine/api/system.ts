import type { KernelFeatures } from '../../host/kernel-features.ts';
import type { Availability, Isolation } from '../../model/isolation.ts';
import type { DiskUsage, DiskUser } from './disk-usage.ts';

export interface EngineInfo {
  readonly id: string;
  readonly name: string;
  readonly cpus: number;
  readonly memory: number;
  readonly kernel: string;
  readonly operatingSystem: string;
  readonly cgroupVersion: '1' | '2';
  readonly cgroupLayout: 'v1' | 'v2' | 'hybrid';
  readonly isolations: Readonly<Record<Isolation, Availability>>;
  readonly warnings: readonly string[];
  readonly network: {
    readonly name: string;
    readonly subnet: string;
    readonly gateway: string;
    readonly bridge: string;
  };
}

/** One thing that records and host disagree about. */
export interface CheckFinding {
  /** `set-aside`: recovery found it without a record and moved it away; nothing is to be repaired. */
  readonly problem: 'leak' | 'missing' | 'corrupt' | 'set-aside';
  readonly kind: string;
  readonly what: string;
  readonly owner: string | null;
  readonly repaired: boolean;
  readonly note: string;
}

/** What Docker's clients ask of the host beside `EngineInfo`. */
export interface HostFacts {
  /** Lasts as long as the data folder. */
  readonly engineId: string;
  readonly features: KernelFeatures;
  /** Its release. */
  readonly kernel: string;
  /** VERSION_ID of the operating system. */
  readonly operatingSystemVersion: string;
  /** Who follows the engine's events now. */
  readonly listeners: number;
  /** Of the daemon itself. */
  readonly load: { readonly files: number; readonly threads: number };
}

/** A program that the engine runs; `commit` where it tells. */
export interface ProgramVersion {
  readonly name: string;
  readonly version: string;
  readonly commit: string;
}

export interface System {
  /** `patience`: milliseconds after which an isolation that is still being tried counts as not available; the next call knows more. */
  info(options?: { patience?: number }): Promise<EngineInfo>;
  host(): HostFacts;
  programs(): Promise<readonly ProgramVersion[]>;
  /** Walks files beside everything else that goes on; the signal ends that. */
  diskUsage(wanted: ReadonlySet<DiskUser>, signal?: AbortSignal): Promise<DiskUsage>;
  version(): { version: string; commit: string; builtWith: string };
  /** Compares records with the host; `deep` verifies every blob's digest, `discard` deletes what was set aside. */
  check(options: { repair: boolean; deep: boolean; discard: boolean }): Promise<readonly CheckFinding[]>;
  /** Ends the daemon: `keep` leaves instances running, `stop` stops them and takes the network down. Resolves when it is safe to exit. */
  shutdown(options: { instances: 'keep' | 'stop' }): Promise<void>;
}
