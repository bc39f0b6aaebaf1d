/**
 * How an instance runs, beside its process, its limits and its network: what Docker's HostConfig asks for. Absent means the default. Everything is
 * kept as it was given, so that inspect shows it so; each runtime turns it into what it needs, and refuses what it cannot do.
 */
export interface InstanceOptions {
  readonly ulimits?: readonly Ulimit[];
  /** Kernel settings of the instance's own namespaces, by name (`net.ipv4.ip_forward`). */
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly devices?: readonly DeviceMapping[];
  /** `c 1:3 rwm`, `*` for any number. */
  readonly deviceCgroupRules?: readonly string[];
  /** `seccomp=…`, `no-new-privileges`, `apparmor=…`, `label=…`. */
  readonly securityOpt?: readonly string[];
  /** Paths that cannot be read inside; an empty list masks nothing. */
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  /** Further groups of the workload, by name or number. */
  readonly groupAdd?: readonly string[];
  /** `host` or `container:ID`. */
  readonly pidMode?: string;
  /** `none`, `private`, `shareable`, `host` or `container:ID`. */
  readonly ipcMode?: string;
  /** `host`. */
  readonly utsMode?: string;
  /** `host`, which every instance has. */
  readonly usernsMode?: string;
  /** `private` or `host`. */
  readonly cgroupnsMode?: string;
  /** The control group above the instance's own, instead of the engine's. */
  readonly cgroupParent?: string;
  readonly oomScoreAdj?: number;
  /** Bytes of /dev/shm. */
  readonly shmSize?: number;
  /** `size`: bytes that the writable part may have. */
  readonly storageOpt?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The runtime as it was named; the isolation is what counts. */
  readonly runtime?: string;
  readonly log?: LogOptions;
  /** Mounts in the words of the client, for inspect alone: `InstanceConfig.mounts` is what counts. */
  readonly given?: GivenMounts;
}

/** A limit of setrlimit(2); -1 for unlimited. */
export interface Ulimit {
  /** `nofile`, `core`, … */
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** A device of the host's, or a folder of them. */
export interface DeviceMapping {
  readonly pathOnHost: string;
  readonly pathInContainer: string;
  /** Of `r`, `w` and `m`. */
  readonly permissions: string;
}

/** Where output goes. */
export interface LogOptions {
  /** `json-file` or `local` (both are kept in the engine's own format), or `none`. */
  readonly driver: string;
  /** `max-size`, `max-file` and Docker's others. */
  readonly options: Readonly<Record<string, string>>;
}

/** What a client wrote, in Docker's form. */
export interface GivenMounts {
  readonly binds?: readonly string[];
  readonly tmpfs?: Readonly<Record<string, string>>;
  readonly mounts?: readonly Readonly<Record<string, unknown>>[];
  /** Paths that were declared as volumes. */
  readonly volumes?: readonly string[];
  /** `ID[:ro]`. */
  readonly volumesFrom?: readonly string[];
  readonly volumeDriver?: string;
}

/** Bytes of /dev/shm where nothing else is asked for. */
export const DEFAULT_SHM_SIZE = 64 << 20;

/** The id (or name) of `container:ID`; null for every other mode. */
export function joinedInstance(mode: string | undefined): string | null {
  return mode?.startsWith('container:') === true ? mode.slice('container:'.length) : null;
}
