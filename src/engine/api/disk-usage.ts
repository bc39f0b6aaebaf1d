import type { Digest } from '../../model/image.ts';
import type { Volume } from '../../storage/volumes/volume-store.ts';

export type DiskUser = 'image' | 'container' | 'volume' | 'build-cache';

/** What takes the disk. Bytes; -1 where it could not be told. Null: was not asked for. */
export interface DiskUsage {
  /** All layers of all images, each once. */
  readonly layers: number | null;
  /** By instance: what it has written, and that with its image. */
  readonly instances: ReadonlyMap<string, { readonly writable: number; readonly root: number }> | null;
  /** Those without driver options: what is mounted from elsewhere takes nothing here. */
  readonly volumes:
    readonly { readonly volume: Volume; readonly bytes: number; readonly users: number }[] | null;
  readonly buildCache: readonly CachedStep[] | null;
}

/** What the build cache remembers of one step. */
export interface CachedStep {
  readonly key: Digest;
  readonly createdAt: number;
  readonly bytes: number;
  /** An image has the same layer. */
  readonly shared: boolean;
}
