import type { EndpointRequest } from './networks.ts';

/** `{"80/tcp": {}}`, `{"/data": {}}`: a set, as Go's clients write it. */
export type WireSet = Readonly<Record<string, Record<string, never>>>;

/** Where a container's port is published. `HostPort` is a decimal number, empty for any free port. */
export interface PortBinding {
  HostIp?: string;
  HostPort?: string;
}

/** By `port/protocol`. Null: exposed, not published. */
export type PortMap = Readonly<Record<string, readonly PortBinding[] | null>>;

/** One entry of `HostConfig.Mounts` (`--mount`). */
export interface Mount {
  Type?: string;
  Source?: string;
  Target?: string;
  ReadOnly?: boolean;
  BindOptions?: {
    Propagation?: string;
    NonRecursive?: boolean;
    CreateMountpoint?: boolean;
    ReadOnlyNonRecursive?: boolean;
    ReadOnlyForceRecursive?: boolean;
  };
  VolumeOptions?: {
    NoCopy?: boolean;
    Labels?: Readonly<Record<string, string>>;
    DriverConfig?: { Name?: string; Options?: Readonly<Record<string, string>> };
    Subpath?: string;
  };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number; Options?: readonly (readonly string[])[] };
}

export interface Ulimit {
  Name: string;
  Soft: number;
  Hard: number;
}

export interface ThrottleDevice {
  Path: string;
  Rate: number;
}

export interface DeviceMapping {
  PathOnHost: string;
  PathInContainer: string;
  CgroupPermissions: string;
}

export interface HealthConfig {
  Test?: readonly string[];
  Interval?: number;
  Timeout?: number;
  StartPeriod?: number;
  StartInterval?: number;
  Retries?: number;
}

/** The portable part of a container's configuration; also `Config` of an inspected image. */
export interface ContainerConfig {
  Hostname?: string;
  Domainname?: string;
  User?: string;
  AttachStdin?: boolean;
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  ExposedPorts?: WireSet;
  Tty?: boolean;
  OpenStdin?: boolean;
  StdinOnce?: boolean;
  Env?: readonly string[] | null;
  Cmd?: readonly string[] | null;
  Healthcheck?: HealthConfig;
  Image?: string;
  Volumes?: WireSet | null;
  WorkingDir?: string;
  Entrypoint?: readonly string[] | null;
  OnBuild?: readonly string[] | null;
  Labels?: Readonly<Record<string, string>> | null;
  StopSignal?: string;
  StopTimeout?: number;
  Shell?: readonly string[];
}

/** What belongs to the host. `Isolation` and `Machine` are where Twinhull's choice travels. */
export interface HostConfig {
  Binds?: readonly string[] | null;
  Mounts?: readonly Mount[] | null;
  PortBindings?: PortMap | null;
  PublishAllPorts?: boolean;
  /** `default` (the bridge), `bridge`, `host`, `none`. */
  NetworkMode?: string;
  AutoRemove?: boolean;
  RestartPolicy?: { Name?: string; MaximumRetryCount?: number };
  Memory?: number;
  MemorySwap?: number;
  MemoryReservation?: number;
  MemorySwappiness?: number | null;
  OomKillDisable?: boolean | null;
  OomScoreAdj?: number;
  NanoCpus?: number;
  CpuShares?: number;
  CpuPeriod?: number;
  CpuQuota?: number;
  CpuRealtimePeriod?: number;
  CpuRealtimeRuntime?: number;
  CpusetCpus?: string;
  CpusetMems?: string;
  BlkioWeight?: number;
  BlkioWeightDevice?: readonly { Path: string; Weight: number }[] | null;
  BlkioDeviceReadBps?: readonly ThrottleDevice[] | null;
  BlkioDeviceWriteBps?: readonly ThrottleDevice[] | null;
  BlkioDeviceReadIOps?: readonly ThrottleDevice[] | null;
  BlkioDeviceWriteIOps?: readonly ThrottleDevice[] | null;
  Ulimits?: readonly Ulimit[] | null;
  Sysctls?: Readonly<Record<string, string>> | null;
  Devices?: readonly DeviceMapping[] | null;
  DeviceCgroupRules?: readonly string[] | null;
  SecurityOpt?: readonly string[] | null;
  MaskedPaths?: readonly string[] | null;
  ReadonlyPaths?: readonly string[] | null;
  GroupAdd?: readonly string[] | null;
  PidMode?: string;
  IpcMode?: string;
  UTSMode?: string;
  UsernsMode?: string;
  CgroupnsMode?: string;
  CgroupParent?: string;
  ShmSize?: number;
  StorageOpt?: Readonly<Record<string, string>>;
  Annotations?: Readonly<Record<string, string>>;
  Runtime?: string;
  VolumesFrom?: readonly string[] | null;
  VolumeDriver?: string;
  PidsLimit?: number | null;
  ReadonlyRootfs?: boolean;
  Init?: boolean | null;
  Privileged?: boolean;
  CapAdd?: readonly string[] | null;
  CapDrop?: readonly string[] | null;
  ExtraHosts?: readonly string[] | null;
  Dns?: readonly string[] | null;
  Links?: readonly string[] | null;
  DnsSearch?: readonly string[] | null;
  DnsOptions?: readonly string[] | null;
  Tmpfs?: Readonly<Record<string, string>>;
  LogConfig?: { Type: string; Config: Readonly<Record<string, string>> };
  ConsoleSize?: readonly [rows: number, columns: number];
  /** `container`, `sandbox`, `vm`; empty or `default` for the engine's default. */
  Isolation?: string;
  /** Name of a machine disk to boot instead of an image (then `Image` stays empty). */
  Machine?: string;
}

/** Body of POST /containers/create. */
export interface ContainerCreateRequest extends ContainerConfig {
  HostConfig?: HostConfig;
  NetworkingConfig?: { EndpointsConfig?: Readonly<Record<string, EndpointRequest>> };
}

export interface ContainerCreateResponse {
  Id: string;
  Warnings: readonly string[];
}

/** Body of POST /containers/ID/exec. */
export interface ExecCreateRequest {
  AttachStdin?: boolean;
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  DetachKeys?: string;
  Tty?: boolean;
  Env?: readonly string[] | null;
  Cmd?: readonly string[] | null;
  Privileged?: boolean;
  User?: string;
  WorkingDir?: string;
  ConsoleSize?: readonly [rows: number, columns: number] | null;
}

/** Body of POST /exec/ID/start. */
export interface ExecStartRequest {
  Detach?: boolean;
  Tty?: boolean;
  ConsoleSize?: readonly [rows: number, columns: number] | null;
}
