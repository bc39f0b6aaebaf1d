import type { Digest } from '../model/image.ts';

/** How a tar stream becomes a tree. JSON: it is handed to the process that does it. */
export interface ExtractOptions {
  /**
   * `layer`: OCI whiteouts become overlayfs's (0:0 devices, `trusted.overlay.opaque`), later members replace earlier ones of any type.
   * `plain`: names mean what they say; links to folders are followed inside the root, a file never replaces a folder nor the other way round.
   * `copy`: Docker's rules for copying into an instance: only folders are merged with folders, everything else that is in the way is replaced,
   * a link to a folder too; a link or hard link that leads out of `into` is refused.
   */
  readonly mode: 'layer' | 'plain' | 'copy';
  /** Folder inside the root that names are relative to; made where absent. Default `/`. */
  readonly into?: string;
  /** Owner of everything made, whatever the archive says. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Permission bits of every file and folder made, whatever the archive says. */
  readonly permissions?: number;
  /** In mode `plain`: let members replace folders and be replaced by them, as for an unpacked archive. */
  readonly replace?: boolean;
  /** In mode `copy`: refuse to replace a folder by something else, and something else by a folder. */
  readonly keepKinds?: boolean;
  /** Sync the filesystem at the end. */
  readonly sync?: boolean;
  /** Write the stream as a gzip blob to standard output (as it is when it is gzip already). */
  readonly blob?: boolean;
  /** Bytes of the uncompressed archive, members; beyond: refused. */
  readonly limits?: { readonly bytes?: number; readonly entries?: number };
}

export interface ExtractResult {
  /** Digest of the uncompressed archive. */
  readonly diffId: Digest;
  /** Bytes of the uncompressed archive. */
  readonly bytes: number;
  readonly entries: number;
  /** Apparent bytes of regular files. */
  readonly unpackedSize: number;
  /** The gzip blob, where one was asked for. */
  readonly blob: { readonly digest: Digest; readonly size: number } | null;
}

/** How a tree becomes a tar stream. JSON, as above. */
export interface ArchiveOptions {
  /** `layer`: an overlay upper folder; overlayfs's marks become OCI whiteouts, its private attributes are left out. `plain`: as it is. */
  readonly mode: 'layer' | 'plain';
  /** What to archive, inside the root; links before the last part are followed inside the root. Default `/`. */
  readonly path?: string;
  /** Follow the last part too when it is a link. */
  readonly follow?: boolean;
  /** Name of the archive's first member; '' for the contents of a folder without the folder itself. Default: ''. */
  readonly name?: string;
  /** Compress with gzip. */
  readonly gzip?: boolean;
  /** In mode `layer`: take overlayfs's private attributes off the tree itself too, because it becomes a layer; then sync the filesystem. */
  readonly settle?: boolean;
  /** The tree's owner may go on changing it: what goes meanwhile is left out, a file that becomes shorter is filled up with zeros. */
  readonly live?: boolean;
  /** Absolute paths that are left out where nothing is in them: mount places that a runtime made. */
  readonly stubs?: readonly string[];
}

export interface ArchiveResult {
  readonly diffId: Digest;
  readonly bytes: number;
  readonly entries: number;
  readonly unpackedSize: number;
  /** Digest and bytes of what was written to standard output. */
  readonly blob: { readonly digest: Digest; readonly size: number };
}

/** Where a confined process's data goes, and what ends it early. */
export interface TreeCall {
  /** File descriptor for the blob. */
  readonly output?: number;
  readonly signal?: AbortSignal;
}

/**
 * Tar streams into trees and back, done by a process that has the tree as its whole world: hostile archives and hostile trees cannot lead out.
 */
export interface Trees {
  /**
   * Unpacks a tar stream (plain, gzip, zstd) into `root`. Rejects `archive-invalid` or `no-space`; what was unpacked until then stays for the
   * caller to remove. An error of the stream itself is passed on.
   */
  extract(
    stream: AsyncIterable<Uint8Array>,
    root: string,
    options: ExtractOptions,
    call?: TreeCall,
  ): Promise<ExtractResult>;
  /** Archives a tree as a stream. Leaving the loop early ends the process. Rejects in the loop: `path-not-found`. */
  archive(
    root: string,
    options: ArchiveOptions,
    call?: { readonly signal?: AbortSignal },
  ): AsyncIterable<Uint8Array>;
  /** Archives a tree into the file descriptor `call.output`. Rejects `path-not-found`, `no-space`. */
  archiveTo(
    root: string,
    options: ArchiveOptions,
    call: TreeCall & { readonly output: number },
  ): Promise<ArchiveResult>;
}
