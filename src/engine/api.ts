import type { BuildEvent, BuildRequest } from '../build/types.ts';
import type { ComparisonReport } from '../model/comparison.ts';
import type { EngineIdentity } from '../model/engine-identity.ts';
import type { Digest, Image } from '../model/image.ts';
import type {
  ExitStatus,
  Instance,
  NetworkMode,
  PortBinding,
  ProcessSpec,
  TerminalSize,
} from '../model/instance.ts';
import type { Availability, Isolation } from '../model/isolation.ts';
import type { ProgressSink } from '../model/progress.ts';
import type { Resources } from '../model/resources.ts';
import type { LinkCounters } from '../network/network.ts';
import type { ProcessTable, RuntimeStats, Stdio } from '../runtime/runtime.ts';
import type { MachineDisk, VolumeStore } from '../storage/storage.ts';

export type { BuildEvent, BuildRequest } from '../build/types.ts';

/** What `http/` may call: the use cases, in domain words. Everything rejects with `HullError`. */
export interface EngineApi {
  readonly identity: EngineIdentity;
  readonly instances: Instances;
  readonly execs: Execs;
  readonly images: Images;
  readonly volumes: VolumeStore;
  readonly machines: Machines;
  readonly events: Events;
  readonly system: System;
  readonly comparison: Comparison;
}

/** A create request after the wire's shape is gone, before the image's defaults are merged in. Absent means the image's or the engine's default. */
export interface CreateInstance {
  readonly name?: string;
  readonly source:
    | { readonly kind: 'image'; readonly reference: string }
    | { readonly kind: 'machine'; readonly name: string };
  readonly isolation?: Isolation;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly string[];
  readonly workingDir?: string;
  readonly user?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly tty?: boolean;
  readonly openStdin?: boolean;
  readonly stdinOnce?: boolean;
  readonly attach?: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  readonly mounts?: readonly MountRequest[];
  readonly networkMode?: NetworkMode;
  readonly ports?: readonly PortBinding[];
  readonly publishAll?: boolean;
  readonly exposedPorts?: readonly string[];
  readonly extraHosts?: readonly string[];
  readonly dns?: readonly string[];
  readonly resources?: Resources;
  readonly readOnlyRoot?: boolean;
  readonly init?: boolean;
  readonly privileged?: boolean;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly autoRemove?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
  readonly stopTimeout?: number;
  readonly size?: TerminalSize;
}

/** A mount as asked for. `volume` with an empty `source` is anonymous. */
export interface MountRequest {
  readonly type: 'bind' | 'volume' | 'tmpfs';
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** A bind's missing source: `-v` creates the folder, `--mount` refuses. */
  readonly createSource?: boolean;
  readonly options?: readonly string[];
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface LogQuery {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  /** Lines from the end; null for all. */
  readonly tail: number | null;
  /** Milliseconds since the epoch (fractions allowed). */
  readonly since: number | null;
  readonly until: number | null;
}

/** One piece of output: a whole line with its newline, or a part of one. */
export interface LogRecord {
  readonly stream: 'stdout' | 'stderr';
  /** RFC 3339 with nanoseconds, in UTC, as written by the monitor. */
  readonly time: string;
  readonly data: Uint8Array;
}

export interface Instances {
  list(): readonly Instance[];
  /** By full id, name, or unambiguous id prefix. Throws `instance-not-found`, `ambiguous-id`. */
  get(nameOrId: string): Instance;
  create(request: CreateInstance): Promise<{ id: string; warnings: readonly string[] }>;
  /** Fine when it already runs (returns false). */
  start(nameOrId: string): Promise<boolean>;
  /** Stop signal, then SIGKILL after the timeout (seconds; -1 waits for ever). False when it did not run. */
  stop(nameOrId: string, options?: { timeout?: number; signal?: string }): Promise<boolean>;
  restart(nameOrId: string, options?: { timeout?: number; signal?: string }): Promise<void>;
  kill(nameOrId: string, signal?: string): Promise<void>;
  remove(nameOrId: string, options?: { force?: boolean; volumes?: boolean }): Promise<void>;
  wait(nameOrId: string, condition: WaitCondition, signal?: AbortSignal): Promise<ExitStatus>;
  /** Before the start too: then it sees every byte. */
  attach(nameOrId: string, streams: { stdin: boolean; stdout: boolean; stderr: boolean }): Promise<Stdio>;
  resize(nameOrId: string, size: TerminalSize): Promise<void>;
  logs(nameOrId: string, query: LogQuery, signal?: AbortSignal): AsyncIterable<LogRecord>;
  stats(nameOrId: string): Promise<InstanceStats>;
  top(nameOrId: string, psArgs: readonly string[]): Promise<ProcessTable>;
  /** Bytes written by the instance, and of its image. */
  sizes(nameOrId: string): Promise<{ writable: number; root: number }>;
  /** Memory of everything on the host that exists for the instance. */
  footprint(nameOrId: string): Promise<Footprint>;
}

/** One host process; bytes. */
export interface ProcessFootprint {
  readonly pid: number;
  readonly pss: number;
  readonly rss: number;
  readonly command: string;
}

/** `workload`: its own processes (QEMU for a VM); `helpers`: what exists beside it (conmon, virtiofsd). */
export interface Footprint {
  readonly workload: readonly ProcessFootprint[];
  readonly helpers: readonly ProcessFootprint[];
}

export interface InstanceStats {
  readonly runtime: RuntimeStats;
  readonly network: { readonly name: string; readonly counters: LinkCounters } | null;
  readonly onlineCpus: number;
  /** Of the whole host, nanoseconds, all CPUs: what `docker stats` computes its percentage from. */
  readonly systemCpuNanoseconds: number;
}

export interface ExecRequest {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly workingDir?: string;
  readonly user?: string;
  readonly tty: boolean;
  readonly privileged: boolean;
  readonly attach: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  readonly detachKeys?: string;
}

export interface ExecState {
  readonly id: string;
  readonly instanceId: string;
  readonly process: ProcessSpec;
  readonly request: ExecRequest;
  readonly running: boolean;
  readonly exitCode: number | null;
  readonly pid: number;
}

export interface Execs {
  create(nameOrId: string, request: ExecRequest): Promise<string>;
  /** Null when detached. The output ends when the process has ended: `inspect` knows its status by then. */
  start(
    execId: string,
    options: { detach: boolean; tty?: boolean; size?: TerminalSize },
  ): Promise<Stdio | null>;
  inspect(execId: string): ExecState;
  resize(execId: string, size: TerminalSize): Promise<void>;
}

/** `bytes`: unpacked and as blobs. */
export interface PrunedCache {
  readonly layers: readonly Digest[];
  readonly bytes: number;
}

export interface RemovedImage {
  readonly untagged?: string;
  readonly deleted?: Digest;
}

export interface Images {
  list(): readonly Image[];
  get(reference: string): Image;
  tag(reference: string, target: string): void;
  /** Docker's rules: a tag is taken away; the image goes with its last one. `image-in-use` names the instance. */
  remove(reference: string, options?: { force?: boolean }): Promise<readonly RemovedImage[]>;
  /**
   * Deletes the build cache's layers that no image uses; `all`: forgets every step too, so that the next build does them all again.
   * `wrong-state` while an image is being made.
   */
  pruneBuildCache(options: { all: boolean }): Promise<PrunedCache>;
  build(request: BuildRequest, onEvent: (event: BuildEvent) => void, signal?: AbortSignal): Promise<Image>;
  /** A Debian base image from the host's own apt sources, e.g. `debian:bookworm-slim`. */
  bootstrap(
    reference: string,
    options: { packages?: readonly string[] },
    onProgress: ProgressSink,
    signal?: AbortSignal,
  ): Promise<Image>;
  /** Bytes of each image on disk, by id: in all, and those shared with another image. */
  usage(): Promise<ReadonlyMap<Digest, { total: number; shared: number }>>;
}

export interface Machines {
  list(): readonly MachineDisk[];
  get(name: string): MachineDisk;
  /** Debian by mmdebstrap with kernel and systemd, then packages by apt; a raw disk. */
  create(
    request: {
      name: string;
      suite?: string;
      packages: readonly string[];
      files?: Readonly<Record<string, string>>;
      size?: number;
    },
    onProgress: ProgressSink,
    signal?: AbortSignal,
  ): Promise<MachineDisk>;
  remove(name: string): Promise<void>;
}

/** Docker's event shape, so that old clients understand it. */
export interface EngineEvent {
  readonly type: 'container' | 'image' | 'volume' | 'network' | 'daemon' | 'builder';
  readonly action: string;
  readonly actor: { readonly id: string; readonly attributes: Readonly<Record<string, string>> };
  /** Nanoseconds since the epoch. */
  readonly timeNano: bigint;
}

export interface EventQuery {
  /** Milliseconds since the epoch. */
  readonly since: number | null;
  readonly until: number | null;
}

export interface Events {
  /** Past events from `since` on, then live ones until `until` (or for ever): none lost in between. */
  subscribe(query: EventQuery, signal?: AbortSignal): AsyncIterable<EngineEvent>;
}

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
  readonly problem: 'leak' | 'missing' | 'corrupt';
  readonly kind: string;
  readonly what: string;
  readonly owner: string | null;
  readonly repaired: boolean;
  readonly note: string;
}

export interface System {
  info(): Promise<EngineInfo>;
  version(): { version: string; commit: string; builtWith: string };
  /** Compares records with the host; `deep` verifies every blob's digest. */
  check(options: { repair: boolean; deep: boolean }): Promise<readonly CheckFinding[]>;
  /** Ends the daemon: `keep` leaves instances running, `stop` stops them and takes the network down. Resolves when it is safe to exit. */
  shutdown(options: { instances: 'keep' | 'stop' }): Promise<void>;
}

export interface CompareRequest {
  readonly image: string;
  /** A machine disk to measure too. */
  readonly machine?: string;
  /** Run by `sh -c` on the host, with HULL_ADDRESS, HULL_NAME and HULL_ISOLATION; succeeds once the application answers. */
  readonly probe: string;
  /** Of each isolation; the first is cold. */
  readonly runs?: number;
  /** Default: all that the host can do. */
  readonly isolations?: readonly string[];
}

export interface Comparison {
  /** Takes minutes. `wrong-state` while another one runs; what cannot be measured is said in the report. Everything that was started is removed on every path. */
  compare(request: CompareRequest, onProgress: ProgressSink, signal?: AbortSignal): Promise<ComparisonReport>;
}
