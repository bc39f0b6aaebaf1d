import type { Descriptor, Digest } from '../../model/image.ts';

/** A manifest or index as it was sent, its digest verified where the digest was asked for. */
export interface RemoteDocument {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly data: Uint8Array;
}

/**
 * One repository to take images from: a registry's, an archive, a layout. These two methods; the rest is derived (`image-fetcher.ts`). What they
 * give is hostile: digests of documents are verified by the source, those of blobs by the reader.
 */
export interface ImageSource {
  /** By tag or digest. Rejects `image-not-found`. */
  document(reference: string): Promise<RemoteDocument>;
  /** A blob's bytes beginning at an offset. Errors in the stream with the code `registry-unreachable` may be retried from where it broke off. */
  blob(descriptor: Descriptor, offset: number): Promise<AsyncIterable<Uint8Array>>;
}

export interface MountCandidate {
  /** Another repository of the same registry that may have the blob. */
  readonly repository: string;
}

/** One repository to bring images to. */
export interface ImageSink {
  /** Is the blob there? */
  has(descriptor: Descriptor): Promise<boolean>;
  /** Takes the blob over from another repository; false when that is not possible. */
  mount(descriptor: Descriptor, from: MountCandidate): Promise<boolean>;
  /** `open` gives the bytes from their start, once for each attempt. */
  upload(descriptor: Descriptor, open: () => AsyncIterable<Uint8Array>): Promise<void>;
  /** By tag or digest. */
  publish(reference: string, mediaType: string, data: Uint8Array): Promise<void>;
}
