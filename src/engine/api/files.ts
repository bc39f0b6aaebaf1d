import type { Image, ImageRunConfig } from '../../model/image.ts';
import type { FileArchive, FileChange, FileStat } from '../../model/files.ts';

export interface PutFilesOptions {
  /** Refuse to replace a folder by something else and the other way round. */
  readonly keepKinds: boolean;
  /** Give everything to the user that the instance runs as, whatever the archive says. */
  readonly giveToUser: boolean;
}

export interface CommitRequest {
  /** Name or id. */
  readonly instance: string;
  /** `name[:tag]`; absent: the image has an id alone. */
  readonly reference?: string;
  readonly comment: string;
  readonly author: string;
  /** Hold the instance while its files are read. */
  readonly pause: boolean;
  /** Blueprint instructions that change the configuration. */
  readonly changes: readonly string[];
  /** Instead of the instance's own configuration, which fills in what is absent here. */
  readonly config?: ImageRunConfig;
}

/**
 * Files of instances, running or not. Paths are as users write them: relative to `/`, an ending slash or dot means a folder.
 * `not-supported` where the files cannot be reached: in a VM that does not run, in a machine.
 */
export interface Files {
  /** A link at the path's end is not followed. Rejects `path-not-found`. */
  stat(nameOrId: string, path: string, signal?: AbortSignal): Promise<FileStat>;
  /** A file or folder as a tar stream, named as `stat` names it. */
  get(nameOrId: string, path: string, signal?: AbortSignal): Promise<FileArchive>;
  /** Unpacks a tar stream (plain, gzip, zstd, xz, bzip2) into a folder that is there. Rejects `denied` where that is read-only. */
  put(
    nameOrId: string,
    path: string,
    archive: AsyncIterable<Uint8Array>,
    options: PutFilesOptions,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Sorted by name, in batches as they are found. Rejects in the loop. */
  changes(nameOrId: string, signal?: AbortSignal): AsyncIterable<readonly FileChange[]>;
  /** The whole root as a tar stream, without what is mounted on it. */
  export(nameOrId: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Makes an image of the instance: a layer of its changes over its own image's. */
  commit(request: CommitRequest, signal?: AbortSignal): Promise<Image>;
}
