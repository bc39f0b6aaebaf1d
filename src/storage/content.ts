import type { Digest } from '../model/image.ts';

export interface StoredBlob {
  readonly digest: Digest;
  readonly size: number;
}

/** `missing`: recorded, but no file. `corrupt`: the file's size or digest is another. */
export type BlobCondition = 'good' | 'missing' | 'corrupt';

/**
 * Content-addressed bytes: `DATA/blobs/sha256/HEX`. Writing goes to a temporary file, which is digested, synced and renamed, its folder synced,
 * and only then recorded: a file without a record is garbage, a record without its file is damage.
 */
export interface ContentStore {
  find(digest: Digest): StoredBlob | null;
  /** Stores bytes: known ones again only where their file is lost or damaged. */
  put(data: Uint8Array | string): Promise<StoredBlob>;
  /** Stores a stream; rejects `blob-corrupt` when it is not what was expected. */
  write(stream: AsyncIterable<Uint8Array>, expected?: Partial<StoredBlob>): Promise<StoredBlob>;
  /** A file for somebody else to write into (a process, by its descriptor); then `keep` with what was written. */
  begin(): Promise<BlobWriter>;
  /** Takes over a file on the store's filesystem that is known to hold this blob. The file is gone afterwards. */
  adopt(path: string, blob: StoredBlob): Promise<void>;
  /** Small blobs whole, digest verified. Rejects `blob-corrupt`. */
  read(digest: Digest): Promise<Uint8Array>;
  /** The bytes as a stream, not verified. Rejects `blob-corrupt` when the file is missing. */
  stream(digest: Digest): AsyncIterable<Uint8Array>;
  /** `deep` digests the file; else its size is compared. */
  examine(digest: Digest, options: { deep: boolean }): Promise<BlobCondition>;
  /** Record first, then file. */
  remove(digests: readonly Digest[]): Promise<void>;
}

/** A temporary file that becomes a blob by `keep`; disposing it removes what was not kept. Always dispose. */
export interface BlobWriter extends AsyncDisposable {
  readonly descriptor: number;
  write(chunk: Uint8Array): Promise<void>;
  /** What was written has this digest and size: by the word of whoever wrote it. */
  keep(blob: StoredBlob): Promise<void>;
}
