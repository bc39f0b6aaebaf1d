import type { Descriptor, Digest, LayerInfo } from '../model/image.ts';
import type { Progress } from '../model/progress.ts';

export interface LayerSource {
  /** A tar stream, plain or compressed with gzip or zstd (told by its first bytes). */
  readonly stream: AsyncIterable<Uint8Array>;
  /** Where known in advance: verified. */
  readonly diffId?: Digest;
  readonly progress?: (progress: Progress) => void;
}

/** A layer's blob in a file on the store's filesystem: its digest has been verified. */
export interface LayerFile {
  readonly path: string;
  readonly blob: Descriptor;
  readonly diffId: Digest;
  /** Bytes of the blob that have been read. */
  readonly onProgress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/** Whose a layer is from the moment that it is stored or found: taken while nobody can remove it, so that none is lost on its way to the caller. */
export interface LayerClaims {
  claim(diffId: Digest): void;
}

/**
 * Unpacked layers, one folder per DiffID, in overlayfs form (whiteouts as 0:0 devices, opaque folders as `trusted.overlay.opaque`).
 * A layer is unpacked to a temporary folder by a confined process, its DiffID verified, the filesystem synced, renamed, then recorded.
 */
export interface LayerStore {
  find(diffId: Digest): LayerInfo | null;
  /** Unpacks a tar stream, and keeps its blob (gzip) as well. Known layers return at once. */
  importTar(source: LayerSource, claims?: LayerClaims): Promise<LayerInfo>;
  /** Unpacks a blob and keeps it as it is, compression and all. The file is moved away when the layer is new. Rejects `blob-corrupt` for another DiffID. */
  importFile(file: LayerFile, claims?: LayerClaims): Promise<LayerInfo>;
  /** Keeps layers from being removed until the returned function is called. */
  hold(diffIds: readonly Digest[]): () => void;
  /**
   * Takes an overlay upper folder over as a layer (renamed, not copied) and writes its tar as a blob. The folder must be unmounted or quiet.
   * Null when the folder holds no change.
   */
  adoptUpper(upper: string, claims?: LayerClaims): Promise<LayerInfo | null>;
  /** Is the layer's folder there? (A layer that is not recorded is not.) */
  isUnpacked(diffId: Digest): boolean;
  /** Makes a lost folder or blob again from the other. Says what was done, a sentence each; nothing when nothing was lost or can be made. */
  repair(diffId: Digest): Promise<readonly string[]>;
  /** The folder to use as an overlay lower. */
  path(diffId: Digest): string;
  /** Deletes layers by DiffID; callers make sure that nothing uses them. */
  remove(diffIds: readonly Digest[]): Promise<void>;
}
