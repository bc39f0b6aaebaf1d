import type { ContainerConfig } from './container-create.ts';

/** One row of GET /images/json. */
export interface ImageSummary {
  Id: string;
  ParentId: string;
  RepoTags: readonly string[];
  RepoDigests: readonly string[];
  /** Seconds since the epoch. */
  Created: number;
  /** Bytes; -1 where not computed. */
  Size: number;
  SharedSize: number;
  Labels: Readonly<Record<string, string>> | null;
  /** Instances that use it; -1 where not computed. */
  Containers: number;
}

/** Answer of GET /images/NAME/json. */
export interface ImageInspect {
  Id: string;
  RepoTags: readonly string[];
  RepoDigests: readonly string[];
  Parent: string;
  Comment: string;
  Created: string;
  DockerVersion: string;
  Author: string;
  Config: ContainerConfig;
  Architecture: string;
  Variant?: string;
  Os: string;
  Size: number;
  GraphDriver: { Name: string; Data: Readonly<Record<string, string>> | null };
  RootFS: { Type: 'layers'; Layers: readonly string[] };
  Metadata: { LastTagTime: string };
}

/** One row of GET /images/NAME/history. */
export interface ImageHistoryItem {
  Id: string;
  Created: number;
  CreatedBy: string;
  Tags: readonly string[] | null;
  Size: number;
  Comment: string;
}

export interface ImageDeleteItem {
  Untagged?: string;
  Deleted?: string;
}

/** One JSON value of the stream that POST /build answers with; exactly one of the groups is set. */
export interface BuildMessage {
  stream?: string;
  status?: string;
  aux?: { ID: string };
  error?: string;
  errorDetail?: { message: string; code?: number };
}

/** Answer of POST /build/prune; bytes. */
export interface BuildPruneResponse {
  CachesDeleted: readonly string[];
  SpaceReclaimed: number;
}
