import type { LogBatch } from '../../lib/log-batch.ts';
import type { Healthcheck } from '../../model/image.ts';
import type {
  ExitStatus,
  Instance,
  NetworkConnection,
  NetworkMode,
  PortBinding,
  RestartPolicy,
  TerminalSize,
} from '../../model/instance.ts';
import type { InstanceOptions } from '../../model/instance-options.ts';
import type { Isolation } from '../../model/isolation.ts';
import type { LogQuery } from '../../model/log-query.ts';
import type { Resources } from '../../model/resources.ts';
import type { LinkCounters } from '../../network/network.ts';
import type { ProcessTable, RuntimeStats, Stdio } from '../../runtime/runtime.ts';

/** A create request after the wire's shape is gone, before the image's defaults are merged in. Absent means the image's or the engine's default. */
export interface CreateInstance {
  readonly name?: string;
  readonly source:
    | { readonly kind: 'image'; readonly reference: string }
    | { readonly kind: 'machine'; readonly name: string };
  /** `linux/amd64`: the image must be made for it. */
  readonly platform?: string;
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
  /** The network as asked for. */
  readonly networkName?: string;
  /** Name or id of the instance to join, for the mode `container`. */
  readonly joins?: string;
  /** Absent: the network that is asked for, without wishes. */
  readonly networks?: readonly NetworkConnection[];
  readonly ports?: readonly PortBinding[];
  readonly publishAll?: boolean;
  readonly exposedPorts?: readonly string[];
  readonly extraHosts?: readonly string[];
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
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
  readonly restartPolicy?: RestartPolicy;
  /** Fields that are absent (or an empty test) are the image's. */
  readonly healthcheck?: Healthcheck;
  readonly options?: InstanceOptions;
  /** `ID[:ro]` of instances whose mounts this one gets too. */
  readonly volumesFrom?: readonly string[];
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
  /** As inspect shows it: the modes of a bind. */
  readonly mode?: string;
  /** A relative path inside the volume: that alone is mounted. */
  readonly subpath?: string;
  /** Do not fill an empty volume with what the image has at its place. */
  readonly noCopy?: boolean;
  /** For a volume that is made for this mount: how, as in `CreateVolume`. */
  readonly volume?: {
    readonly driver?: string;
    readonly options?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export type { LogQuery };
export type { LogBatch, LogRecord } from '../../lib/log-batch.ts';

/** A step of a start that was finished `at` milliseconds after the beginning. */
export interface StartStep {
  readonly step: string;
  readonly at: number;
}

/** `ahead`: made before the start was asked for, since then its own beginning; `own`: since the start was asked for. */
export type StepsListener = (steps: {
  readonly ahead: readonly StartStep[];
  readonly own: readonly StartStep[];
}) => void;

export interface Instances {
  list(): readonly Instance[];
  /** By full id, name, or unambiguous id prefix. Throws `instance-not-found`, `ambiguous-id`. */
  get(nameOrId: string): Instance;
  create(request: CreateInstance): Promise<{ id: string; warnings: readonly string[] }>;
  /** Fine when it already runs (returns false). `onSteps` hears where the time went. */
  start(nameOrId: string, onSteps?: StepsListener): Promise<boolean>;
  /** Stop signal, then SIGKILL after the timeout (seconds; -1 waits for ever). False when it did not run. */
  stop(nameOrId: string, options?: { timeout?: number; signal?: string }): Promise<boolean>;
  restart(nameOrId: string, options?: { timeout?: number; signal?: string }): Promise<void>;
  kill(nameOrId: string, signal?: string): Promise<void>;
  /** Nothing of it runs until it is unpaused. `not-supported` where the isolation cannot. */
  pause(nameOrId: string): Promise<void>;
  unpause(nameOrId: string): Promise<void>;
  remove(nameOrId: string, options?: { force?: boolean; volumes?: boolean }): Promise<void>;
  wait(nameOrId: string, condition: WaitCondition, signal?: AbortSignal): Promise<ExitStatus>;
  /** Before the start too: then it sees every byte. */
  attach(nameOrId: string, streams: { stdin: boolean; stdout: boolean; stderr: boolean }): Promise<Stdio>;
  resize(nameOrId: string, size: TerminalSize): Promise<void>;
  logs(nameOrId: string, query: LogQuery, signal?: AbortSignal): AsyncIterable<LogBatch>;
  stats(nameOrId: string): Promise<InstanceStats>;
  top(nameOrId: string, psArgs: readonly string[]): Promise<ProcessTable>;
  /** Bytes written by the instance, and of its image. */
  sizes(nameOrId: string, signal?: AbortSignal): Promise<{ writable: number; root: number }>;
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
  /** By interface. */
  readonly networks: readonly { readonly name: string; readonly counters: LinkCounters }[];
  readonly onlineCpus: number;
  /** Of the whole host, nanoseconds, all CPUs: what `docker stats` computes its percentage from. */
  readonly systemCpuNanoseconds: number;
}
