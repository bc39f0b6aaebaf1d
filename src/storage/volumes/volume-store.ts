/** A folder that outlives the instances that mount it. */
export interface Volume {
  readonly name: string;
  /** Host folder; it stays the same when the name changes. */
  readonly path: string;
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Made for one instance (`-v /data`), removed with it under `--rm`. */
  readonly anonymous: boolean;
  /** What is mounted at the folder while the volume is in use: `type`, `device` and `o` of Docker's `local` driver. Empty: nothing. */
  readonly options: Readonly<Record<string, string>>;
}

/** What a volume held at one time. */
export interface VolumeSnapshot {
  readonly volume: string;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

export interface EnsureVolume {
  readonly anonymous?: boolean;
  /** Checked as Docker's driver checks them; for a new volume only. */
  readonly options?: Readonly<Record<string, string>>;
}

export interface CopyVolume {
  readonly labels?: Readonly<Record<string, string>>;
  /** The source may change meanwhile. Slower, and holes are filled: nobody who writes into it can lead the copy astray. */
  readonly live?: boolean;
}

/** Named volumes: folders in the data folder. */
export interface VolumeStore {
  /** Makes it when absent. */
  ensure(name: string, labels?: Readonly<Record<string, string>>, more?: EnsureVolume): Promise<Volume>;
  find(name: string): Volume | null;
  /** By name. */
  list(): readonly Volume[];
  /** Deletes it. Callers make sure that nobody uses it. Rejects `volume-not-found`, and `volume-in-use` while it has snapshots. */
  remove(name: string): Promise<void>;
  /** Another name for the same folder. `alongside` is part of the same transaction. Throws `volume-not-found`, `name-in-use`. */
  rename(name: string, to: string, alongside?: () => void): Volume;
  /**
   * A new volume with the same contents: shared blocks where the file system can (reflinks), else copied; owners, modes, times, links, holes
   * and extended attributes as they are. There completely or not at all, whatever happens meanwhile.
   */
  clone(name: string, to: string, options?: CopyVolume): Promise<Volume>;
  readonly snapshots: VolumeSnapshots;
  /** Mounts what the options ask for; fine when it is mounted. Rejects `volume-mount-failed`. */
  mount(volume: Volume): Promise<void>;
  unmount(volume: Volume): Promise<void>;
  isMounted(volume: Volume): boolean;
  /** Fills an empty folder with a folder of a mounted image, as `populate.ts` says. False when it was not empty, or there is no such folder. */
  populate(target: string, image: ImageFolder, options?: { live?: boolean }): Promise<boolean>;
  /** What records and folders disagree about. */
  problems(): readonly VolumeProblem[];
}

/** A folder inside the root of an image. */
export interface ImageFolder {
  readonly root: string;
  readonly path: string;
}

/** Copies of volumes that are kept aside, which nothing can mount. */
export interface VolumeSnapshots {
  /** As `VolumeStore.clone`. Rejects `name-in-use`. */
  create(volume: string, name: string, options?: { live?: boolean }): Promise<VolumeSnapshot>;
  /** By volume, the oldest first. */
  list(volume?: string): readonly VolumeSnapshot[];
  /** The volume holds again what it held then, in one step. Callers make sure that nobody uses it. */
  restore(volume: string, name: string): Promise<void>;
  /** Rejects `volume-not-found`. */
  remove(volume: string, name: string): Promise<void>;
}

/** `folder-lost`: a volume without its folder. `unknown-folder`: a folder without a volume, kept because it may hold a user's data. */
export interface VolumeProblem {
  readonly kind: 'folder-lost' | 'unknown-folder';
  /** The volume's name, or the folder's path. */
  readonly what: string;
  /** Records the folder as a volume again, where that is possible. */
  readonly repair: (() => Promise<void>) | null;
}
