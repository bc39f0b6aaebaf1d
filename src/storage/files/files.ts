import type { ErrorCode } from '../../model/error-codes.ts';
import type { ExtractFilesOptions, FileArchive, FileChange, FileStat } from '../../model/files.ts';

/** A mount of an instance's, as it matters for its files. */
export interface ViewMount {
  /** Host path; '' for what exists only while the instance runs. */
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** Where an instance's files are seen. */
export type FilesView =
  /** A running container's own mounts, whatever it made of them. The process is named for good by its start time. */
  | {
      readonly kind: 'process';
      readonly pid: number;
      readonly startTime: number;
      readonly mounts: readonly ViewMount[];
    }
  /** A root on the host, and the mounts that belong on it. */
  | { readonly kind: 'folder'; readonly root: string; readonly mounts: readonly ViewMount[] }
  /** The writable part apart from what is below it. `scratch`: an empty folder to mount them in. */
  | {
      readonly kind: 'layers';
      readonly upper: string;
      readonly lower: readonly string[];
      readonly scratch: string;
    };

/**
 * Files of instances, by a process for each request that has the view as its whole world: no link, race or device of an instance leads it out.
 * All reject `path-not-found`, `invalid-argument`, `denied`, `archive-invalid`, `no-space`.
 */
export interface InstanceFiles {
  stat(view: FilesView, path: string, signal?: AbortSignal): Promise<FileStat>;
  read(view: FilesView, path: string, signal?: AbortSignal): Promise<FileArchive>;
  write(
    view: FilesView,
    path: string,
    archive: AsyncIterable<Uint8Array>,
    options: ExtractFilesOptions,
    signal?: AbortSignal,
  ): Promise<void>;
  /** In batches, as they are found: there may be millions. Rejects in the loop. */
  changes(view: FilesView & { kind: 'layers' }, signal?: AbortSignal): AsyncIterable<readonly FileChange[]>;
}

/** What the process is told, as JSON. A `process` view is given as descriptor 3. */
export interface FilesCall {
  readonly view: FilesView;
  readonly operation:
    | { readonly verb: 'stat' | 'read'; readonly path: string }
    | ({ readonly verb: 'write'; readonly path: string } & ExtractFilesOptions)
    | { readonly verb: 'changes' };
}

/** A line on the process's standard error. `stat` comes before an archive's first byte, `changes` as often as there are some; one of the others is
 * the last. */
export type FilesReport =
  | { readonly kind: 'stat'; readonly stat: Omit<FileStat, 'mtime'> & { readonly mtime: string } }
  | { readonly kind: 'changes'; readonly changes: readonly FileChange[] }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };
