import type { Digest, ImageConfig, LayerInfo, Manifest } from '../model/image.ts';
import type { MachineDisk } from '../model/machine.ts';
import type { Volume, VolumeSnapshot } from '../storage/volumes/volume-store.ts';

/** Records of what the store holds. Everything is synchronous; `durably` as in `Database`. */
export interface Repositories {
  readonly blobs: BlobRepository;
  readonly layers: LayerRepository;
  readonly images: ImageRepository;
  readonly disks: DiskRepository;
  readonly volumes: VolumeRepository;
  readonly machines: MachineRepository;
  transaction<T>(work: () => T): T;
  durably<T>(work: () => T): T;
}

export interface BlobRecord {
  readonly digest: Digest;
  readonly size: number;
}

export interface BlobRepository {
  find(digest: Digest): BlobRecord | null;
  list(): readonly BlobRecord[];
  /** Fine when it is there already. */
  add(blob: BlobRecord): void;
  remove(digest: Digest): void;
  /** Those that no image and no layer names. */
  unused(): readonly BlobRecord[];
}

export interface LayerRecord extends LayerInfo {
  /** Name of its folder in the layers' folder. */
  readonly folder: string;
}

export interface LayerRepository {
  find(diffId: Digest): LayerRecord | null;
  list(): readonly LayerRecord[];
  /** Names of all folders that a row names, whether the rest of it can be understood or not. */
  folders(): ReadonlySet<string>;
  add(layer: LayerRecord): void;
  remove(diffId: Digest): void;
  /** Those that no image names. */
  unused(): readonly LayerRecord[];
}

export interface ImageRecord {
  readonly id: Digest;
  readonly manifestDigest: Digest;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  readonly storedAt: number;
}

export interface ImageRepository {
  /** Throws `state-corrupt` for one whose row cannot be understood. */
  find(id: Digest): ImageRecord | null;
  /** Newest first; without those whose rows cannot be understood. */
  list(): readonly ImageRecord[];
  /** Rows that cannot be understood. */
  damaged(): readonly { readonly id: Digest; readonly manifestDigest: Digest; readonly fault: string }[];
  /** Ids that start with `sha256:` and these hexadecimal digits; at most `limit`. */
  findByPrefix(hex: string, limit: number): readonly Digest[];
  findByManifest(digest: Digest): Digest | null;
  /** Replaces an image with the same id. */
  add(image: ImageRecord): void;
  remove(id: Digest): void;
  resolve(reference: string): Digest | null;
  /** With tags, and with digests (`name@sha256:…`). */
  references(id: Digest): readonly string[];
  /** Blobs that the image needs besides its documents and its layers' own: what its manifests name. */
  blobs(id: Digest): readonly Digest[];
  addBlob(id: Digest, digest: Digest): void;
  setReference(reference: string, id: Digest): void;
  removeReference(reference: string): void;
}

/** Disks made from images, by what they were made from. */
export interface DiskRecord {
  readonly key: string;
  readonly file: string;
  readonly size: number;
}

export interface DiskRepository {
  find(key: string): DiskRecord | null;
  list(): readonly DiskRecord[];
  add(disk: DiskRecord): void;
  remove(key: string): void;
}

export interface VolumeRecord extends Omit<Volume, 'path'> {
  /** Name of its folder in the volumes' folder: the volume's first name, or that with a mark where it was taken. */
  readonly folder: string;
}

export interface VolumeRepository {
  /** Throws `state-corrupt` for one whose row cannot be understood. */
  find(name: string): VolumeRecord | null;
  /** By name; without those whose rows cannot be understood. */
  list(): readonly VolumeRecord[];
  damaged(): readonly { readonly name: string; readonly fault: string }[];
  /** Names by folder, of every row, whether the rest of it can be understood or not. */
  folders(): ReadonlyMap<string, string>;
  /** Takes labels and options away. */
  makePlain(name: string): void;
  add(volume: VolumeRecord): void;
  /** Its snapshots follow. */
  rename(name: string, to: string): void;
  remove(name: string): void;
  readonly snapshots: VolumeSnapshotRepository;
}

export interface VolumeSnapshotRecord extends VolumeSnapshot {
  /** Name of its folder in the snapshots' folder. */
  readonly folder: string;
}

export interface VolumeSnapshotRepository {
  find(volume: string, name: string): VolumeSnapshotRecord | null;
  findByFolder(folder: string): VolumeSnapshotRecord | null;
  /** By volume and time; of one volume where named. */
  list(volume?: string): readonly VolumeSnapshotRecord[];
  add(snapshot: VolumeSnapshotRecord): void;
  remove(volume: string, name: string): void;
}

export interface MachineRecord {
  readonly folder: string;
  /** Digest of all that the machine was made from: the same key, the same machine. */
  readonly inputKey: string;
  readonly machine: MachineDisk;
}

export interface DamagedMachine extends Pick<MachineRecord, 'folder' | 'inputKey'> {
  readonly name: string;
  readonly fault: string;
}

export interface MachineRepository {
  /** Throws `state-corrupt` for one whose row cannot be understood. */
  find(name: string): MachineRecord | null;
  /** Without those whose rows cannot be understood. */
  list(): readonly MachineRecord[];
  damaged(): readonly DamagedMachine[];
  /** Names of all folders that a row names. */
  folders(): ReadonlySet<string>;
  /** Replaces a machine with the same name. */
  add(record: MachineRecord): void;
  remove(name: string): void;
}
