import type { ExtractFilesOptions, FileArchive, FileChange, FileStat } from '../../model/files.ts';

/** One instance's files, wherever they lie. Streams give back what they hold when they end or are left. */
export interface FileSource {
  stat(path: string, signal?: AbortSignal): Promise<FileStat>;
  read(path: string, signal?: AbortSignal): Promise<FileArchive>;
  write(
    path: string,
    archive: AsyncIterable<Uint8Array>,
    options: ExtractFilesOptions,
    signal?: AbortSignal,
  ): Promise<void>;
  /** In batches, as they are found. */
  changes(signal?: AbortSignal): AsyncIterable<readonly FileChange[]>;
  root(signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** What the instance has written over its image, as an OCI layer (uncompressed). Mount places that a runtime made are left out. */
  layer(signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** The stream, and `release` when it ends or is left. */
export async function* thenRelease<T>(
  stream: AsyncIterable<T>,
  release: () => Promise<void> | void,
): AsyncGenerator<T> {
  try {
    yield* stream;
  } finally {
    await release();
  }
}
