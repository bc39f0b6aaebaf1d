import type { ContainerStateName, EndpointSettings, MountPoint } from './container-inspect.ts';

/** One port of a listed container; without `PublicPort` it is exposed only. */
export interface PortSummary {
  IP?: string;
  PrivatePort: number;
  PublicPort?: number;
  Type: string;
}

/** One row of GET /containers/json. */
export interface ContainerSummary {
  Id: string;
  /** With a leading slash. */
  Names: readonly string[];
  Image: string;
  ImageID: string;
  Command: string;
  /** Seconds since the epoch. */
  Created: number;
  Ports: readonly PortSummary[];
  SizeRw?: number;
  SizeRootFs?: number;
  Labels: Readonly<Record<string, string>>;
  State: ContainerStateName;
  /** For people: `Up 3 minutes`, `Exited (0) 2 seconds ago`. */
  Status: string;
  /** `Isolation` is Twinhull's addition: clients of Docker's ignore it. */
  HostConfig: { NetworkMode: string; Isolation: string };
  NetworkSettings: { Networks: Readonly<Record<string, EndpointSettings>> };
  Mounts: readonly MountPoint[];
}

export interface ContainerWaitResponse {
  StatusCode: number;
  Error?: { Message: string };
}

export interface ContainerTopResponse {
  Titles: readonly string[];
  Processes: readonly (readonly string[])[];
}

export interface IdResponse {
  Id: string;
}

/** Answer of GET /exec/ID/json. */
export interface ExecInspect {
  ID: string;
  Running: boolean;
  ExitCode: number | null;
  ProcessConfig: {
    tty: boolean;
    entrypoint: string;
    arguments: readonly string[];
    privileged: boolean;
    user?: string;
  };
  OpenStdin: boolean;
  OpenStderr: boolean;
  OpenStdout: boolean;
  CanRemove: boolean;
  ContainerID: string;
  DetachKeys: string;
  Pid: number;
}
