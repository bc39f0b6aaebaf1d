import type { ContainerConfig, HostConfig, PortMap } from './container-create.ts';

export type ContainerStateName =
  'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export interface ContainerState {
  Status: ContainerStateName;
  Running: boolean;
  Paused: boolean;
  Restarting: boolean;
  OOMKilled: boolean;
  Dead: boolean;
  Pid: number;
  ExitCode: number;
  Error: string;
  /** RFC 3339; `0001-01-01T00:00:00Z` for never. */
  StartedAt: string;
  FinishedAt: string;
  /** Absent without a healthcheck. */
  Health?: HealthJson;
}

export interface HealthJson {
  Status: 'none' | 'starting' | 'healthy' | 'unhealthy';
  FailingStreak: number;
  Log: readonly { Start: string; End: string; ExitCode: number; Output: string }[];
}

export interface EndpointIpamConfig {
  IPv4Address?: string;
  IPv6Address?: string;
  LinkLocalIPs?: readonly string[];
}

export interface EndpointSettings {
  IPAMConfig: EndpointIpamConfig | null;
  Links: readonly string[] | null;
  Aliases: readonly string[] | null;
  MacAddress: string;
  DriverOpts: Readonly<Record<string, string>> | null;
  GwPriority: number;
  NetworkID: string;
  EndpointID: string;
  Gateway: string;
  IPAddress: string;
  IPPrefixLen: number;
  IPv6Gateway: string;
  GlobalIPv6Address: string;
  GlobalIPv6PrefixLen: number;
  DNSNames: readonly string[] | null;
}

export interface NetworkSettings {
  Bridge: string;
  SandboxID: string;
  SandboxKey: string;
  Ports: PortMap;
  HairpinMode: boolean;
  LinkLocalIPv6Address: string;
  LinkLocalIPv6PrefixLen: number;
  SecondaryIPAddresses: null;
  SecondaryIPv6Addresses: null;
  EndpointID: string;
  Gateway: string;
  GlobalIPv6Address: string;
  GlobalIPv6PrefixLen: number;
  IPAddress: string;
  IPPrefixLen: number;
  IPv6Gateway: string;
  MacAddress: string;
  Networks: Readonly<Record<string, EndpointSettings>>;
}

/** A mount as it is. */
export interface MountPoint {
  Type: 'bind' | 'volume' | 'tmpfs';
  Name?: string;
  Source: string;
  Destination: string;
  Driver?: string;
  Mode: string;
  RW: boolean;
  Propagation: string;
}

/** `HostConfig` as inspect shows it: nothing is absent that clients look at. */
export type InspectedHostConfig = Required<
  Pick<
    HostConfig,
    | 'Binds'
    | 'PortBindings'
    | 'PublishAllPorts'
    | 'NetworkMode'
    | 'AutoRemove'
    | 'RestartPolicy'
    | 'Memory'
    | 'MemorySwap'
    | 'NanoCpus'
    | 'CpuShares'
    | 'CpusetCpus'
    | 'PidsLimit'
    | 'ReadonlyRootfs'
    | 'Privileged'
    | 'CapAdd'
    | 'CapDrop'
    | 'ExtraHosts'
    | 'Dns'
    | 'LogConfig'
    | 'ConsoleSize'
    | 'Isolation'
  >
> &
  Pick<HostConfig, 'Init' | 'Mounts' | 'Tmpfs' | 'Machine'> &
  Readonly<Record<string, unknown>>;

/** Answer of GET /containers/ID/json. */
export interface ContainerInspect {
  Id: string;
  Created: string;
  Path: string;
  Args: readonly string[];
  State: ContainerState;
  /** Image id; empty for a machine. */
  Image: string;
  ResolvConfPath: string;
  HostnamePath: string;
  HostsPath: string;
  LogPath: string;
  /** With a leading slash. */
  Name: string;
  RestartCount: number;
  Driver: string;
  Platform: string;
  MountLabel: string;
  ProcessLabel: string;
  AppArmorProfile: string;
  ExecIDs: readonly string[] | null;
  HostConfig: InspectedHostConfig;
  GraphDriver: { Name: string; Data: Readonly<Record<string, string>> | null };
  Mounts: readonly MountPoint[];
  Config: ContainerConfig;
  NetworkSettings: NetworkSettings;
  /** Only when asked for with `size=1`. */
  SizeRw?: number;
  SizeRootFs?: number;
}
