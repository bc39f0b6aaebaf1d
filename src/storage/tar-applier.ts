import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  lchownSync,
} from 'node:fs';
import { mkdirSync, openSync, symlinkSync, writeSync } from 'node:fs';
import { TreeRemover } from '../host/tree-removal.ts';
import { asFilePath, type LongPaths } from '../host/long-paths.ts';
import type { TreeSyscalls } from '../host/tree-syscalls.ts';
import { leadsAbove } from '../lib/archive-path.ts';
import { TarError, type TarEvent, type TarHeader } from '../lib/tar/types.ts';
import { FolderTimes } from './folder-times.ts';
import type { ExtractOptions } from './trees.ts';
import { isOverlayXattr, isWhiteout, OverlayMarks } from './overlay-marks.ts';
import { cleanName, isErrno, joinPath, lookAt, lookThrough, parentOf } from './tree-paths.ts';

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const NODE_TYPES = {
  'character-device': constants.S_IFCHR,
  'block-device': constants.S_IFBLK,
  fifo: constants.S_IFIFO,
} as const;

interface OpenFile {
  readonly header: TarHeader;
  readonly path: string;
  readonly descriptor: number;
  written: number;
}

/**
 * Applies an archive's events to the tree below `/`. Runs in a process whose root is the target (`Confinement`), so that links may
 * say what they want. Folders get their times at the end, because filling them changes these.
 */
export class TarApplier {
  readonly #syscalls: TreeSyscalls;
  readonly #paths: LongPaths;
  readonly #marks: OverlayMarks | null;
  readonly #options: ExtractOptions;
  readonly #base: string;
  readonly #times: FolderTimes;
  #remover: TreeRemover | null = null;
  #file: OpenFile | null = null;
  #lastParent = '';
  /** Name of the member at hand, for messages. */
  current = '';
  entries = 0;
  unpackedSize = 0;

  constructor(syscalls: TreeSyscalls, options: ExtractOptions) {
    this.#syscalls = syscalls;
    this.#paths = syscalls.paths;
    this.#options = options;
    this.#times = new FolderTimes(syscalls);
    this.#marks = options.mode === 'layer' ? new OverlayMarks(syscalls) : null;
    this.#base = joinPath('/', cleanName(options.into ?? '/'));
    this.#makeParents(this.#base);
  }

  apply(event: TarEvent): void {
    if (event.type === 'entry') this.#begin(event.header);
    else if (event.type === 'data') this.#write(event.offset, event.bytes);
    else this.#end();
  }

  /** Gives folders their times. Call once, at the end. */
  finish(): void {
    this.current = 'the times of folders';
    this.#times.finish();
  }

  #begin(header: TarHeader): void {
    this.current = header.name;
    this.entries += 1;
    const path = joinPath(this.#base, cleanName(header.name));
    this.#times.leaveFor(path);
    if (path === this.#base) {
      if (header.type === 'directory' && this.#marks !== null) this.#decorate(path, header);
      return;
    }
    if (this.#marks?.apply(path, (folder) => this.#makeParents(folder)) === true) return;
    this.#makeParents(parentOf(path));
    if (header.type === 'directory') this.#folder(path, header);
    else if (header.type === 'hardlink') this.#hardLink(path, header);
    else this.#leaf(path, header);
  }

  #leaf(path: string, header: TarHeader): void {
    this.#clear(path, header);
    if (header.type === 'file') {
      this.#file = { header, path, descriptor: openSync(this.#paths.near(path), CREATE, 0o600), written: 0 };
      this.unpackedSize += header.size;
      return;
    }
    if (header.type === 'symlink') {
      if (this.#options.mode === 'copy') this.#refuseLinkOut(path, header);
      symlinkSync(asFilePath(header.linkName), this.#paths.near(path));
    } else if (header.type !== 'hardlink' && header.type !== 'directory') {
      this.#syscalls.makeNode(path, NODE_TYPES[header.type], 0o600, header.devMajor, header.devMinor);
    }
    this.#decorate(path, header);
  }

  #folder(path: string, header: TarHeader): void {
    const found = lookAt(path, this.#paths);
    const follow = this.#options.mode === 'plain' && found?.isSymbolicLink() === true;
    const folder = (follow ? lookThrough(path, this.#paths) : found)?.isDirectory() === true;
    if (folder && follow) return;
    if (!folder) {
      if (found !== null && this.#marks !== null && isWhiteout(found)) this.#marks.replaceByFolder(path);
      else {
        this.#clear(path, header);
        mkdirSync(this.#paths.near(path), 0o700);
      }
    }
    this.#decorate(path, header);
  }

  #hardLink(path: string, header: TarHeader): void {
    const target = joinPath(this.#base, this.#cleanLink(header));
    if (target === path) return;
    const found = lookAt(target, this.#paths);
    if (found === null || found.isDirectory())
      throw new TarError(
        `the hard link ${header.name} names ${header.linkName}, which is no earlier file of the archive`,
      );
    this.#clear(path, header);
    this.#syscalls.link(target, path);
  }

  /** Makes room for a member that is no folder, or for a folder where something else is. */
  #clear(path: string, header: TarHeader): void {
    const found = lookAt(path, this.#paths);
    if (found === null) return;
    const mixed = found.isDirectory() || header.type === 'directory';
    if (this.#options.mode === 'copy') {
      if (mixed && this.#options.keepKinds === true) throw new TarError(this.#kindsDiffer(path, header));
      return this.#removeAny(path);
    }
    if (mixed && this.#marks === null && this.#options.replace !== true) {
      throw new TarError(
        found.isDirectory()
          ? `cannot replace the folder ${path} by ${header.name}, which is none`
          : `cannot replace ${path}, which is no folder, by the folder ${header.name}`,
      );
    }
    this.#removeAny(path);
  }

  /** Links are not followed, and nothing behind a mount goes. */
  #removeAny(path: string): void {
    this.#lastParent = '';
    this.#paths.forget();
    this.#remover ??= new TreeRemover();
    if (!this.#remover.remove(this.#paths.near(path)))
      throw this.#remover.failures[0] ?? new TarError(`cannot replace ${path}`);
  }

  /** In the words of Docker's daemon, as those below. */
  #kindsDiffer(path: string, header: TarHeader): string {
    const [found, made] =
      header.type === 'directory' ? ['non-directory', 'directory'] : ['directory', 'non-directory'];
    return `cannot overwrite ${found} ${JSON.stringify(path)} with ${made} ${JSON.stringify(this.#base)}`;
  }

  #cleanLink(header: TarHeader): string {
    if (this.#options.mode === 'copy' && leadsAbove(header.linkName))
      throw new TarError(
        `invalid hardlink ${JSON.stringify(header.name)} -> ${JSON.stringify(header.linkName)}`,
      );
    return cleanName(header.linkName);
  }

  /** A relative link that leads above the folder that is copied into; an absolute one is the instance's own. */
  #refuseLinkOut(path: string, { linkName }: TarHeader): void {
    if (linkName.startsWith('/') || this.#base === '/') return;
    const inside = parentOf(path).slice(this.#base.length);
    if (leadsAbove(`${inside}/${linkName}`))
      throw new TarError(`invalid symlink ${JSON.stringify(path)} -> ${JSON.stringify(linkName)}`);
  }

  #makeParents(folder: string): void {
    if (folder === this.#lastParent || folder === '/') return;
    const missing: number[] = [];
    for (let end = folder.length; end > 0; end = folder.lastIndexOf('/', end - 1)) {
      if (lookThrough(folder.slice(0, end), this.#paths)?.isDirectory() === true) break;
      missing.push(end);
    }
    for (const end of missing.toReversed()) this.#makeParent(folder.slice(0, end));
    this.#lastParent = folder;
  }

  #makeParent(folder: string): void {
    const found = lookAt(folder, this.#paths);
    if (found !== null && this.#marks !== null && isWhiteout(found)) this.#marks.replaceByFolder(folder);
    else if (found !== null)
      throw new TarError(`${folder} is no folder, but the archive puts ${this.current} below it`);
    else mkdirSync(this.#paths.near(folder), 0o755);
    const { owner } = this.#options;
    if (owner !== undefined) chownSync(this.#paths.near(folder), owner.uid, owner.gid);
  }

  #write(offset: number, bytes: Uint8Array): void {
    const file = this.#file;
    if (file === null) return;
    for (let at = 0; at < bytes.length;)
      at += writeSync(file.descriptor, bytes, at, bytes.length - at, offset + at);
    file.written = offset + bytes.length;
  }

  #end(): void {
    const file = this.#file;
    if (file === null) return;
    this.#file = null;
    const { header, path, descriptor } = file;
    try {
      if (file.written < header.size) ftruncateSync(descriptor, header.size);
      const { uid, gid } = this.#options.owner ?? header;
      fchownSync(descriptor, uid, gid);
      fchmodSync(descriptor, this.#options.permissions ?? header.mode);
    } finally {
      closeSync(descriptor);
    }
    this.#setXattrs(path, header);
    this.#syscalls.setTimes(path, header.mtime);
  }

  /** Owner before mode (it clears set-id bits) and before attributes (it clears capabilities). */
  #decorate(path: string, header: TarHeader): void {
    const { uid, gid } = this.#options.owner ?? header;
    lchownSync(this.#paths.near(path), uid, gid);
    const shared = header.type === 'directory' ? this.#options.permissions : undefined;
    if (header.type !== 'symlink') chmodSync(this.#paths.near(path), shared ?? header.mode);
    this.#setXattrs(path, header);
    if (header.type === 'directory') this.#times.add(path, header.mtime);
    else this.#syscalls.setTimes(path, header.mtime);
  }

  #setXattrs(path: string, header: TarHeader): void {
    for (const [name, value] of header.xattrs) {
      if (isOverlayXattr(name)) continue;
      try {
        this.#syscalls.setXattr(path, name, value);
      } catch (error) {
        // Attributes that this filesystem or kind of file cannot have are left out, as every unpacker does.
        if (!isErrno(error, 'EOPNOTSUPP') && !isErrno(error, 'EPERM')) throw error;
      }
    }
  }
}
