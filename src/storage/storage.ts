import type { MachineDisk } from '../model/machine.ts';
import type { Image, LayerInfo } from '../model/image.ts';
import type { RootFilesystem } from '../model/root-filesystem.ts';
import type { Leftover } from '../model/leftover.ts';
import type { LayerClaims } from './layer-store.ts';

export type { Volume, VolumeStore } from './volumes/volume-store.ts';

export interface PrepareOptions {
  /** The writable part dies with the instance: nothing of it needs to survive a power cut. */
  readonly ephemeral: boolean;
}

export interface HeldRoot {
  /** Where it is mounted, the instance's own mounts left out. */
  readonly path: string;
  /** The writable part alone, and the image's layers, top-most first, as overlayfs takes them. */
  readonly upper: string;
  readonly lower: readonly string[];
  /** A folder that is always empty. */
  readonly scratch: string;
  readonly release: () => Promise<void>;
}

/**
 * Root filesystems of instances. The writable part is durable (data folder) and stays until `remove`; the mount is volatile and is made by
 * `prepare` and undone by `release`, once per run.
 */
export interface RootStorage {
  /** Makes (or finds again) the instance's writable part over the image and mounts it; `kind` `block` for VMs: the image's EROFS disk is made on first use. */
  prepare(
    instanceId: string,
    image: Image,
    kind: 'mounts' | 'block',
    options: PrepareOptions,
  ): Promise<RootFilesystem>;
  /** The same for a machine disk: a qcow2 over the machine's own disk. */
  prepareMachine(instanceId: string, machine: MachineDisk): Promise<RootFilesystem>;
  /**
   * Keeps a container's root mounted, whether it runs or not, for those who look after its files. To be released; a run may begin and end
   * meanwhile.
   */
  hold(instanceId: string, image: Image, options: PrepareOptions): Promise<HeldRoot>;
  /** Unmounts; the writable part stays. Off the hot path, fine twice. */
  release(instanceId: string): Promise<void>;
  /** Unmounts and deletes. Fine twice. */
  remove(instanceId: string): Promise<void>;
  /** Bytes that the instance has written. Walks its files beside everything else; the signal ends that. */
  usage(instanceId: string, signal?: AbortSignal): Promise<{ writable: number }>;
  /**
   * For build steps: mounts layers with a fresh upper, runs `use` with the mounted root, then takes the upper over as a layer. Cleans up on every path.
   * Returns the new layer, or null when nothing changed.
   */
  withWritableLayers<T>(
    layers: readonly LayerInfo[],
    use: (root: { path: string; upper: string }) => Promise<T>,
    claims?: LayerClaims,
  ): Promise<{ result: T; layer: LayerInfo | null }>;
  /** Mounts layers read-only for the length of `use`. No layers: an empty folder. */
  withReadOnlyLayers<T>(layers: readonly LayerInfo[], use: (path: string) => Promise<T>): Promise<T>;
  /** The image's read-only disk, made on first use: path and bytes. */
  imageDisk(image: Image): Promise<{ path: string; bytes: number }>;
  inventory(knownInstances: ReadonlySet<string>): Promise<readonly Leftover[]>;
}

/** Something that recovery found without a record, and moved away. */
export interface SetAsideEntry {
  /** `blobs`, `layers`, `disks`, `instances`, `volumes`, `snapshots`, `machines` or `state`. */
  readonly kind: string;
  /** Where it is now; the folder above its kind's says when it was moved there. */
  readonly path: string;
}

export interface SetAsideStore {
  list(): readonly SetAsideEntry[];
  /** Deletes it for good. */
  discard(entry: SetAsideEntry): void;
}
