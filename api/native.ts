import type { ComparisonReport } from '../src/model/comparison.ts';
import type { ErrorCode, ErrorKind } from '../src/model/error-codes.ts';
import type { Availability, Isolation } from '../src/model/isolation.ts';

/** Prefix of every native path. */
export const NATIVE_PREFIX = '/hull/v1';

/** Media type of progress streams: one JSON value per line. */
export const NDJSON = 'application/x-ndjson';

export interface NativeError {
  code: ErrorCode;
  kind: ErrorKind;
  message: string;
  details: Readonly<Record<string, unknown>>;
}

/** Body of every failed native request; also the last line of a stream that failed. */
export interface NativeErrorResponse {
  error: NativeError;
}

/** One line of a progress stream. */
export interface ProgressLine {
  phase: string;
  message: string;
  current?: number;
  total?: number;
}

/** Body of POST /hull/v1/bootstrap; the answer is a stream of `BootstrapLine`. */
export interface BootstrapRequest {
  reference: string;
  packages?: readonly string[];
}

export type BootstrapLine =
  ProgressLine | { image: { Id: string; RepoTags: readonly string[]; Size: number } } | NativeErrorResponse;

/** Answer of GET /hull/v1/check?repair=&deep=&discard=. */
export interface CheckResponse {
  findings: readonly CheckFinding[];
}

export interface CheckFinding {
  problem: 'leak' | 'missing' | 'corrupt' | 'set-aside';
  kind: string;
  what: string;
  owner: string | null;
  repaired: boolean;
  note: string;
}

/** Body of POST /hull/v1/shutdown. Answers 204 before the daemon ends. */
export interface ShutdownRequest {
  instances?: 'keep' | 'stop';
}

/** Answer of GET /hull/v1/info. */
export interface HullInfo {
  id: string;
  name: string;
  cpus: number;
  memory: number;
  kernel: string;
  operatingSystem: string;
  cgroupVersion: '1' | '2';
  cgroupLayout: 'v1' | 'v2' | 'hybrid';
  isolations: Readonly<Record<Isolation, Availability>>;
  warnings: readonly string[];
  network: { name: string; subnet: string; gateway: string; bridge: string };
}

/** A machine disk. Sizes in bytes; `createdAt` in milliseconds since the epoch. */
export interface Machine {
  name: string;
  disk: string;
  kernel: string;
  virtualSize: number;
  storedSize: number;
  createdAt: number;
  description: string;
}

/** Answer of GET /hull/v1/machines. */
export interface MachineList {
  machines: readonly Machine[];
}

/** Body of POST /hull/v1/machines; the answer is a stream of `MachineLine`. `files`: contents by absolute path in the guest. */
export interface MachineCreateRequest {
  name: string;
  suite?: string;
  packages?: readonly string[];
  files?: Readonly<Record<string, string>>;
  /** Bytes. */
  size?: number;
}

export type MachineLine = ProgressLine | { machine: Machine } | NativeErrorResponse;

/** Memory of one host process; bytes. */
export interface ProcessFootprint {
  pid: number;
  pss: number;
  rss: number;
  command: string;
}

/** Answer of GET /hull/v1/instances/ID/footprint: everything on the host that exists for the instance. */
export interface Footprint {
  workload: readonly ProcessFootprint[];
  helpers: readonly ProcessFootprint[];
}

/**
 * Body of POST /hull/v1/compare; the answer is a stream of `CompareLine`. The report's shape is described in `src/model/comparison.ts`. When
 * the client goes before the last line, everything that was started for the comparison is removed.
 */
export interface CompareRequest {
  image: string;
  /** A machine disk to measure too. */
  machine?: string;
  /** Run by `sh -c` on the engine's host, with HULL_ADDRESS, HULL_NAME and HULL_ISOLATION; succeeds once the application answers. */
  probe: string;
  /** Of each isolation, default 3; the first is cold. */
  runs?: number;
  /** `container`, `sandbox`, `vm`; default: all that the host can do. */
  isolations?: readonly string[];
}

export type CompareLine = ProgressLine | { report: ComparisonReport } | NativeErrorResponse;

export type {
  ComparisonReport,
  Measured,
  Mechanism,
  Sample,
  StartTimes,
  SubjectKind,
  SubjectReport,
  ThroughputKind,
} from '../src/model/comparison.ts';

/** What a volume held at one time; `createdAt` in milliseconds since the epoch. */
export interface VolumeSnapshot {
  volume: string;
  name: string;
  createdAt: number;
}

/** Body of POST /hull/v1/volumes/NAME/rename, and of …/clone: the other name. `live`: while running instances may write. */
export interface VolumeCopyRequest {
  name: string;
  live?: boolean;
}

/** Body of POST /hull/v1/volumes/NAME/snapshots; the default name tells the time. Answers a `VolumeSnapshot`. */
export interface VolumeSnapshotRequest {
  name?: string;
  live?: boolean;
}

/** Answer of GET /hull/v1/snapshots?volume=NAME. */
export interface VolumeSnapshotList {
  snapshots: readonly VolumeSnapshot[];
}

/** Body of POST /hull/v1/instances/ID/update: Docker's update, and what Docker cannot change. What is absent stays. */
export interface InstanceUpdateRequest {
  Memory?: number;
  MemorySwap?: number;
  MemoryReservation?: number;
  NanoCpus?: number;
  CpuShares?: number;
  CpuPeriod?: number;
  CpuQuota?: number;
  CpusetCpus?: string;
  CpusetMems?: string;
  BlkioWeight?: number;
  /** Not positive: no limit any more. */
  PidsLimit?: number;
  RestartPolicy?: { Name: string; MaximumRetryCount?: number };
  /** `NAME=value`, or `NAME` to take it away. */
  Env?: readonly string[];
  Labels?: readonly string[];
  PortBindings?: Readonly<Record<string, readonly { HostIp?: string; HostPort?: string }[] | null>>;
  /** Such as `80/tcp`. */
  Unpublish?: readonly string[];
  Binds?: readonly string[];
  Mounts?: readonly object[];
  /** Targets of new anonymous volumes. */
  Volumes?: readonly string[];
  /** Targets that are not mounted any more. */
  Unmount?: readonly string[];
}

export interface InstanceUpdateAnswer {
  Warnings: readonly string[];
  /** It took a new run. */
  Restarted: boolean;
}

export type GcKind = 'container' | 'image' | 'volume' | 'build-cache';

/** Durations in milliseconds. */
export interface GcPolicy {
  kinds: readonly GcKind[];
  olderThan: number;
  keep: number;
  maxBytes: number | null;
}

/** Body of POST /hull/v1/gc. */
export interface GcRequest {
  policy: GcPolicy;
  dryRun?: boolean;
}

export interface GcAnswer {
  actions: readonly {
    kind: GcKind;
    id: string;
    name: string;
    bytes: number;
    age: number;
    done: boolean;
    note: string;
  }[];
  bytes: number;
}

/** Body of PUT /hull/v1/gc/schedule, and in the answer of GET. */
export interface GcSchedule {
  policy: GcPolicy;
  every: number;
}

export interface GcScheduleAnswer {
  schedule: GcSchedule | null;
}
