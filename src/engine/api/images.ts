import type { CachedStep } from './disk-usage.ts';
import type { BuildEvent, BuildRequest } from '../../build/types.ts';
import type { Digest, Image } from '../../model/image.ts';
import type { ProgressSink } from '../../model/progress.ts';

/** `bytes`: unpacked and as blobs. */
export interface PrunedCache {
  readonly layers: readonly Digest[];
  readonly bytes: number;
}

/** What of the build cache is to go. */
export interface CacheRule {
  /** Forget steps too, so that the next build does them again; else only their layers go. */
  readonly all: boolean;
  /** Only the steps that it holds for; default all. */
  readonly matches?: (step: CachedStep) => boolean;
  /** The newest steps stay, up to so many bytes. */
  readonly keepBytes?: number;
}

/** `bytes`: unpacked. */
export interface PrunedImages {
  readonly removed: readonly RemovedImage[];
  readonly bytes: number;
}

/** One line of a removal: a name that was taken away (full), or what was deleted: an image, or a layer by its chain id. */
export interface RemovedImage {
  readonly untagged?: string;
  readonly deleted?: Digest;
}

export interface Images {
  list(): readonly Image[];
  get(reference: string): Image;
  tag(reference: string, target: string): void;
  /** Docker's rules: a name is taken away; the image goes with its last one. `image-in-use` names the instance. */
  remove(reference: string, options?: { force?: boolean }): Promise<readonly RemovedImage[]>;
  /** Removes images that no instance uses: those without a tag, or all; only those for which `matches` holds. */
  prune(options: {
    readonly danglingOnly: boolean;
    readonly matches: (image: Image) => boolean;
  }): Promise<PrunedImages>;
  /** The folders that the image's layers are unpacked in, topmost first. */
  layerFolders(image: Image): readonly string[];
  /** Deletes the build cache's layers that no image uses. `wrong-state` while an image is being made. */
  pruneBuildCache(rule: CacheRule): Promise<PrunedCache>;
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
