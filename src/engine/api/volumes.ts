import type { CopyVolume, Volume, VolumeSnapshot } from '../../storage/volumes/volume-store.ts';

export type { Volume, VolumeSnapshot } from '../../storage/volumes/volume-store.ts';

export interface CreateVolume {
  /** Absent: a random one, for one instance. */
  readonly name?: string;
  /** `local`, or absent. */
  readonly driver?: string;
  /** Of Docker's `local` driver. */
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface PruneVolumes {
  /** Those with a name too, not only the anonymous ones. */
  readonly all: boolean;
  readonly matches: (volume: Volume) => boolean;
}

export interface PrunedVolumes {
  readonly names: readonly string[];
  readonly bytes: number;
}

export interface Volumes {
  /** By name. */
  list(): readonly Volume[];
  /** Throws `volume-not-found`. */
  get(name: string): Volume;
  /** Returns the volume of this name where there is one, whatever it was made with, as Docker does. */
  create(request: CreateVolume): Promise<Volume>;
  /** Rejects `volume-not-found`, and `volume-in-use` with the instances' ids. */
  remove(name: string): Promise<void>;
  /** Ids of the instances that mount it, running or not. */
  usersOf(name: string): readonly string[];
  /** Removes those that no instance mounts, that keep no snapshot and that were made without driver options. */
  prune(request: PruneVolumes): Promise<PrunedVolumes>;
  /** The records of instances that mount it follow. Running ones notice nothing. */
  rename(name: string, to: string): Promise<Volume>;
  /** Rejects `volume-in-use` while a running instance may write, unless `live`. */
  clone(name: string, to: string, options?: CopyVolume): Promise<Volume>;
  /** As `clone`. The default name tells the time. */
  snapshot(name: string, snapshot?: string, options?: { live?: boolean }): Promise<VolumeSnapshot>;
  snapshots(name?: string): readonly VolumeSnapshot[];
  /** Rejects `volume-in-use` while an instance with this volume runs. */
  restore(name: string, snapshot: string): Promise<void>;
  removeSnapshot(name: string, snapshot: string): Promise<void>;
}
