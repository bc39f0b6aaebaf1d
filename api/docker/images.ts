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
  /** Until API 1.43. */
  VirtualSize?: number;
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
  Config: Partial<ContainerConfig> & { Image?: string; ArgsEscaped?: boolean };
  /** No longer in the definition; the oldest clients read the volumes there. */
  ContainerConfig: Partial<ContainerConfig>;
  Architecture: string;
  Variant?: string;
  Os: string;
  Size: number;
  /** Until API 1.43. */
  VirtualSize?: number;
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

/** One JSON value of the streams of pull, push, load and import. */
export interface TransferMessage {
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  progress?: string;
  stream?: string;
  aux?: { Tag: string; Digest: string; Size: number };
  error?: string;
  errorDetail?: { message: string };
}

/** Answer of POST /images/prune. */
export interface ImagePruneResponse {
  ImagesDeleted: readonly ImageDeleteItem[] | null;
  SpaceReclaimed: number;
}

/** One row of GET /images/search. */
export interface SearchRow {
  star_count: number;
  is_official: boolean;
  name: string;
  is_automated: boolean;
  description: string;
}

/** Answer of POST /auth. */
export interface AuthResponse {
  Status: string;
  IdentityToken: string;
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
