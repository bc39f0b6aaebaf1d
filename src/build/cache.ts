import type { Digest } from '../model/image.ts';

/** What a step made, once. */
export interface CacheRecord {
  /** The layer; null when the step changed no file. */
  readonly diffId: Digest | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** Results of steps by content key. A record says nothing about whether the layer still exists: the solver asks the layer store. */
export interface BuildCache {
  find(key: Digest): CacheRecord | null;
  save(key: Digest, record: CacheRecord): void;
}
