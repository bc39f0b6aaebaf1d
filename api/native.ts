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

/** Answer of GET /hull/v1/check?repair=&deep=. */
export interface CheckResponse {
  findings: readonly CheckFinding[];
}

export interface CheckFinding {
  problem: 'leak' | 'missing' | 'corrupt';
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
