import type { BuildEvent, BuildRequest } from '../../build/types.ts';
import type { Digest, Image } from '../../model/image.ts';
import type { ProgressSink } from '../../model/progress.ts';

/** `bytes`: unpacked and as blobs. */
export interface PrunedCache {
  readonly layers: readonly Digest[];
  readonly bytes: number;
}

export interface RemovedImage {
  readonly untagged?: string;
  readonly deleted?: Digest;
}

export interface Images {
  list(): readonly Image[];
  get(reference: string): Image;
  tag(reference: string, target: string): void;
  /** Docker's rules: a tag is taken away; the image goes with its last one. `image-in-use` names the instance. */
  remove(reference: string, options?: { force?: boolean }): Promise<readonly RemovedImage[]>;
  /**
   * Deletes the build cache's layers that no image uses; `all`: forgets every step too, so that the next build does them all again.
   * `wrong-state` while an image is being made.
   */
  pruneBuildCache(options: { all: boolean }): Promise<PrunedCache>;
  build(request: BuildRequest, onEvent: (event: BuildEvent) => void, signal?: AbortSignal): Promise<Image>;
  /** A Debian base image from the host's own apt sources, e.g. `debian:bookworm-slim`. */
  bootstrap(
    reference: string,
    options: { packages?: readonly string[] },
    onProgress: ProgressSink,
    signal?: AbortSignal,
  ): Promise<Image>;
  /** Bytes of each image on disk, by id: in all, and those shared with another image. */
  usage(): Promise<ReadonlyMap<Digest, { total: number; shared: number }>>;
}
