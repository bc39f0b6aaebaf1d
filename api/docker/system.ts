import type { ContainerSummary } from './containers.ts';
import type { ImageSummary } from './images.ts';
import type { VolumeResource } from './volumes.ts';

/** Answer of GET /version. */
export interface VersionInfo {
  Platform: { Name: string };
  Components: readonly { Name: string; Version: string; Details?: Readonly<Record<string, string>> }[];
  Version: string;
  ApiVersion: string;
  MinAPIVersion: string;
  GitCommit: string;
  GoVersion: string;
  Os: string;
  Arch: string;
  KernelVersion: string;
  Experimental?: boolean;
  BuildTime: string;
}

/** Answer of GET /info: what clients read; the rest of Docker's is given as constants and not typed. */
export interface SystemInfo {
  ID: string;
  Name: string;
  Containers: number;
  ContainersRunning: number;
  ContainersPaused: number;
  ContainersStopped: number;
  Images: number;
  Driver: string;
  DriverStatus: readonly (readonly [string, string])[];
  DockerRootDir: string;
  MemTotal: number;
  NCPU: number;
  KernelVersion: string;
  OperatingSystem: string;
  OSVersion: string;
  OSType: string;
  Architecture: string;
  ServerVersion: string;
  CgroupDriver: string;
  CgroupVersion: string;
  Isolation: string;
  DefaultRuntime: string;
  Runtimes: Readonly<Record<string, { path: string }>>;
  LoggingDriver: string;
  SystemTime: string;
  Warnings: readonly string[] | null;
  [other: string]: unknown;
}

/** One line of GET /events. */
export interface EventMessage {
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Readonly<Record<string, string>> };
  scope: 'local';
  /** Seconds and nanoseconds since the epoch; the latter exceeds what a double holds exactly. */
  time: number;
  timeNano: number;
  /** Duplicates of Type, Action and Actor for clients from before 1.22; containers and images only. */
  status?: string;
  id?: string;
  from?: string;
}

/** A step of the build cache, in the answer of GET /system/df. */
export interface BuildCacheResource {
  ID: string;
  Type: 'regular';
  Description: string;
  InUse: boolean;
  Shared: boolean;
  Size: number;
  CreatedAt: string;
  LastUsedAt: string;
  UsageCount: number;
}

/** Answer of GET /system/df. Null: not asked for. */
export interface DiskUsageResponse {
  LayersSize: number;
  Images: readonly ImageSummary[] | null;
  Containers: readonly ContainerSummary[] | null;
  Volumes: readonly VolumeResource[] | null;
  BuildCache: readonly BuildCacheResource[] | null;
  /** Before 1.42. */
  BuilderSize?: number;
}
