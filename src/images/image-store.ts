import type { Digest, Image, ImageConfig, LayerInfo, Manifest } from '../model/image.ts';

/** What an image is made from when it came from a registry or an archive. */
export interface ForeignImage {
  readonly config: { readonly value: ImageConfig; readonly data: Uint8Array };
  /** Null: one is made from the layers. */
  readonly manifest: { readonly value: Manifest; readonly data: Uint8Array } | null;
  readonly layers: readonly LayerInfo[];
  readonly references: readonly string[];
}

/** Images by reference and id, over the content store. */
export interface ImageStore {
  /** Every image, newest first. */
  list(): readonly Image[];
  /** By reference (`debian`, `debian:bookworm-slim`, `docker.io/library/debian@sha256:…`), full id or unambiguous id prefix. Null when unknown. */
  find(reference: string): Image | null;
  /** As `find`; rejects `image-not-found`. */
  get(reference: string): Image;
  /**
   * Makes an image from layers that are already in the layer store, in the commit order of the design (blobs durable before the row), and
   * points the references at it. `layers` bottom first; `config.rootfs` is filled in from them.
   */
  commit(
    config: Omit<ImageConfig, 'rootfs'>,
    layers: readonly LayerInfo[],
    references: readonly string[],
  ): Promise<Image>;
  /**
   * Makes an image from documents that came from elsewhere, which are kept byte for byte; in the same order. Layers bottom first, as many as the
   * configuration has; blobs that the manifest names and no layer has are in the content store already. A reference may have a digest.
   */
  adopt(image: ForeignImage): Promise<Image>;
  /** A reference with a tag, or one with a digest that a registry knows the image by. */
  tag(image: Digest, reference: string): void;
  /** Takes the reference away; the image stays, dangling when it was the last. */
  untag(reference: string): void;
  /**
   * Deletes the image, and the layers and blobs that nothing else uses. Returns the digests removed: none where `isWanted`, which is asked
   * at the last moment, says that the image is needed after all. Rejects `image-not-found`.
   */
  remove(image: Digest, isWanted?: (image: Image) => boolean): Promise<readonly Digest[]>;
  /**
   * Deletes what no image uses: layers, but for those in `keep`, and blobs. Only while no image is being made: its finished layers would go.
   * Returns the layers that went.
   */
  prune(keep: ReadonlySet<Digest>): Promise<readonly LayerInfo[]>;
  /** The id of the image that is meant when its record is damaged: `find` and `get` throw for it. Null for all others. */
  damaged(reference: string): Digest | null;
  /** Makes a damaged record again from the image's blobs. Rejects when these are lost or damaged too. */
  restore(id: Digest): Promise<void>;
  /** Removes a damaged record. The image's blobs and layers go with what nobody uses, at the next start. */
  discard(id: Digest): void;
}
