import type { Digest, Image } from '../../model/image.ts';
import type { TransferSink } from '../../model/transfer.ts';

export interface LoadedImage {
  readonly image: Image;
  /** Full names that it has from the archive. */
  readonly names: readonly string[];
  /** Which image had each name before, where that is another one. */
  readonly replaced: ReadonlyMap<string, Digest>;
}

export interface ImportOptions {
  /** The name that the image gets. */
  readonly reference?: string;
  /** Blueprint instructions. */
  readonly changes: readonly string[];
  readonly message?: string;
  readonly platform?: string;
}

/** Images in and out of files. */
export interface Archives {
  /** A tar archive that is both Docker's and an OCI layout. A name without tag stands for all its tags. Rejects before the first byte. */
  save(references: readonly string[]): Promise<AsyncIterable<Uint8Array>>;
  /** Plain, gzip or zstd. Rejects `archive-invalid`; images that were told of stay. */
  load(
    stream: AsyncIterable<Uint8Array>,
    onProgress: TransferSink,
    onLoaded: (loaded: LoadedImage) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  /** A root filesystem's tar as an image of one layer. */
  import(stream: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<Image>;
  /** A web address's bytes: for imports and builds from one. Rejects `invalid-argument` for what is no such address, `registry-unreachable`. */
  fetch(url: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}
