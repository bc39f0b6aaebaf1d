/** A volume. */
export interface VolumeResource {
  Name: string;
  Driver: string;
  Mountpoint: string;
  CreatedAt: string;
  Labels: Readonly<Record<string, string>> | null;
  Scope: 'local';
  Options: Readonly<Record<string, string>> | null;
  /** In the answer of /system/df alone. */
  UsageData?: { Size: number; RefCount: number };
}

/** Answer of GET /volumes. */
export interface VolumeList {
  Volumes: readonly VolumeResource[];
  Warnings: readonly string[] | null;
}

/** Body of POST /volumes/create. */
export interface VolumeCreateRequest {
  Name?: string;
  Driver?: string;
  DriverOpts?: Readonly<Record<string, string>> | null;
  Labels?: Readonly<Record<string, string>> | null;
}

/** Answer of POST /volumes/prune. */
export interface VolumePruneResponse {
  VolumesDeleted: readonly string[];
  SpaceReclaimed: number;
}
