import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type BigIntStats,
} from 'node:fs';
import { splitDevice, type TreeSyscalls } from '../host/tree-syscalls.ts';
import { memberBelow } from '../lib/archive-path.ts';
import { decodeBytes } from '../lib/byte-text.ts';
import { encodeHeader, TAR_END, type TarMember } from '../lib/tar/encode.ts';
import { paddingOf, TarError, type TarType } from '../lib/tar/types.ts';
import type { ArchiveOptions } from './trees.ts';
import { isOverlayXattr, isWhiteout, OPAQUE_NAME, OPAQUE_XATTR, WHITEOUT_PREFIX } from './overlay-marks.ts';
import { cleanName, isErrno, joinPath, lookAt, lookThrough } from './tree-paths.ts';

const READ = constants.O_RDONLY | constants.O_NONBLOCK;
const CHUNK = 256 * 1024;
const ZEROS = new Uint8Array(CHUNK);
/** What a file that was there a moment ago may answer when its owner goes on working: gone, or something else by now. */
const PASSING = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'ENXIO', 'ENODEV', 'EINVAL'] as const;

/** A path of the tree and the name that it gets in the archive. */
interface Place {
  readonly path: string;
  readonly name: string;
}

/** A folder that is being archived. */
interface OpenFolder {
  /** Lengths of its path and of its name in the archive. */
  readonly path: number;
  readonly name: number;
  readonly names: readonly string[];
  next: number;
}

/** Go's reader of archives, and with it every other engine, takes no longer extended header. */
const LONGEST_NAME = 1024 ** 2 - 1024;

/** Archives a tree below `/`, in a process whose root is the tree's (`Confinement`). Same tree, same bytes: names are sorted. */
export class TreeArchiver {
  readonly #syscalls: TreeSyscalls;
  readonly #layer: boolean;
  readonly #options: ArchiveOptions;
  /** First name of each file that has several, by device and inode. */
  readonly #links = new Map<string, string>();
  readonly #buffer = new Uint8Array(CHUNK);
  current = '';
  entries = 0;
  unpackedSize = 0;

  constructor(syscalls: TreeSyscalls, options: ArchiveOptions) {
    this.#syscalls = syscalls;
    this.#options = options;
    this.#layer = options.mode === 'layer';
  }

  /** The archive's bytes. A chunk is valid until the next one is asked for. */
  *archive(): Generator<Uint8Array> {
    const path = joinPath('/', cleanName(this.#options.path ?? '/'));
    const name = this.#options.name ?? '';
    this.current = path;
    const facts = this.#options.follow === true ? lookThrough(path) : lookAt(path);
    if (facts === null) throw new TarError(`no such file or folder: ${path}`);
    if (name !== '' || !facts.isDirectory())
      yield* this.#member({ path, name: name === '' ? (path.split('/').at(-1) ?? '') : name }, facts);
    if (facts.isDirectory()) yield* this.#contents({ path, name });
    yield TAR_END;
  }

  /** Everything below a folder. Not by recursion: how deep a tree is, is its maker's choice. */
  *#contents(top: Place): Generator<Uint8Array> {
    let folder = top;
    const open: OpenFolder[] = [this.#open(top)];
    for (let inside = open.at(-1); inside !== undefined; inside = open.at(-1)) {
      const entry = inside.names[inside.next++];
      if (entry === undefined) {
        open.pop();
        const above = open.at(-1);
        if (above !== undefined)
          folder = { path: folder.path.slice(0, above.path), name: folder.name.slice(0, above.name) };
        continue;
      }
      const place = { path: joinPath(folder.path, entry), name: memberBelow(folder.name, entry) };
      if (this.#isStub(place.path)) continue;
      this.current = place.path;
      const facts = lookAt(place.path, this.#syscalls.paths);
      if (facts === null) continue;
      if (this.#layer && isWhiteout(facts)) {
        yield this.#mark(memberBelow(folder.name, `${WHITEOUT_PREFIX}${entry}`));
        continue;
      }
      yield* this.#member(place, facts);
      if (!facts.isDirectory()) continue;
      folder = place;
      open.push(this.#open(place));
    }
  }

  /** The names in a folder, sorted. Where its own names end is kept, not the names: those of deep trees are long. */
  #open({ path, name }: Place): OpenFolder {
    const raw =
      this.#unlessGone(() => readdirSync(this.#syscalls.paths.near(path), { encoding: 'buffer' })) ?? [];
    const names = raw.toSorted((a, b) => Buffer.compare(a, b)).map(decodeBytes);
    return { path: path.length, name: name.length, names, next: 0 };
  }

  *#member(place: Place, facts: BigIntStats): Generator<Uint8Array> {
    if (place.name.length > LONGEST_NAME)
      throw new TarError(`the path of a file has ${place.name.length} characters: too long for an archive`);
    const type = typeOf(facts);
    // A socket is no use without the process that made it, and tar has no word for it.
    if (type === null) return;
    const found = this.#unlessGone(() => this.#linkAndAttributes(place, type));
    // What is no more is no member, and no other name's first one.
    if (found === null) return;
    const first = this.#firstName(place, facts, type);
    const kept = first === null ? found.xattrs : new Map<string, Uint8Array>();
    const opaque = this.#layer && decodeBytes(kept.get(OPAQUE_XATTR) ?? new Uint8Array(0)) === 'y';
    if (this.#options.settle === true) this.#strip(place.path, kept);
    const member: TarMember = {
      ...attributes(facts),
      name: place.name,
      type: first === null ? type : 'hardlink',
      linkName: first ?? found.link,
      xattrs: new Map([...kept].filter(([name]) => !isOverlayXattr(name))),
    };
    if (member.type === 'file') yield* this.#file(place.path, member);
    else yield this.#header(member);
    if (opaque) yield this.#mark(`${place.name}/${OPAQUE_NAME}`);
  }

  #strip(path: string, xattrs: ReadonlyMap<string, Uint8Array>): void {
    for (const name of xattrs.keys()) {
      if (isOverlayXattr(name) && name !== OPAQUE_XATTR) this.#syscalls.removeXattr(path, name);
    }
  }

  #firstName(place: Place, facts: BigIntStats, type: TarType): string | null {
    if (facts.nlink < 2n || type === 'directory') return null;
    const key = `${facts.dev}:${facts.ino}`;
    const first = this.#links.get(key);
    if (first === undefined) this.#links.set(key, place.name);
    return first ?? null;
  }

  *#file(path: string, member: TarMember): Generator<Uint8Array> {
    const size = member.size ?? 0;
    const followed = this.#options.follow === true && this.entries === 0;
    const descriptor = this.#unlessGone(() =>
      openSync(this.#syscalls.paths.near(path), followed ? READ : READ | constants.O_NOFOLLOW),
    );
    if (descriptor === null) {
      this.#links.forEach((first, key) => first === member.name && this.#links.delete(key));
      return;
    }
    try {
      yield this.#header(member);
      for (let at = 0; at < size;) {
        const wanted = Math.min(CHUNK, size - at);
        const count = this.#read(descriptor, wanted, at);
        if (count === 0 && this.#options.live !== true)
          throw new TarError(`${path} became shorter while it was archived`);
        yield count === 0 ? ZEROS.subarray(0, wanted) : this.#buffer.subarray(0, count);
        at += count === 0 ? wanted : count;
      }
    } finally {
      closeSync(descriptor);
    }
    this.unpackedSize += size;
    yield new Uint8Array(paddingOf(size));
  }

  /** Of a live tree, what was a file may be a folder by now: its bytes are zeros, as those of a file that became shorter. */
  #read(descriptor: number, length: number, at: number): number {
    try {
      return readSync(descriptor, this.#buffer, 0, length, at);
    } catch (error) {
      if (this.#options.live === true && (isErrno(error, 'EISDIR') || isErrno(error, 'EINVAL'))) return 0;
      throw error;
    }
  }

  #linkAndAttributes(place: Place, type: TarType): { link: string; xattrs: Map<string, Uint8Array> } {
    const link =
      type === 'symlink' ? decodeBytes(readlinkSync(this.#syscalls.paths.near(place.path), 'buffer')) : '';
    return { link, xattrs: this.#syscalls.xattrs(place.path) };
  }

  /** In a live tree, null for what has gone or changed since it was looked at. */
  #unlessGone<T>(look: () => T): T | null {
    try {
      return look();
    } catch (error) {
      if (this.#options.live === true && PASSING.some((code) => isErrno(error, code))) return null;
      throw error;
    }
  }

  /** A place of `stubs` with nothing in it. */
  #isStub(path: string): boolean {
    const { stubs } = this.#options;
    if (stubs?.includes(path) !== true) return false;
    const facts = lookAt(path);
    if (facts?.isDirectory() !== true) return facts?.isFile() === true && facts.size === 0n;
    return readdirSync(path).every((entry) => this.#isStub(joinPath(path, entry)));
  }

  #header(member: TarMember): Uint8Array {
    this.entries += 1;
    return encodeHeader(member);
  }

  #mark(name: string): Uint8Array {
    this.entries += 1;
    return encodeHeader({ name, type: 'file', mode: 0 });
  }
}

function attributes(facts: BigIntStats): Omit<TarMember, 'name' | 'type'> {
  const device =
    facts.isCharacterDevice() || facts.isBlockDevice() ? splitDevice(facts.rdev) : { major: 0, minor: 0 };
  return {
    mode: Number(facts.mode & 0o7777n),
    uid: Number(facts.uid),
    gid: Number(facts.gid),
    size: facts.isFile() ? Number(facts.size) : 0,
    mtime: facts.mtimeNs,
    devMajor: device.major,
    devMinor: device.minor,
  };
}

function typeOf(facts: BigIntStats): TarType | null {
  if (facts.isFile()) return 'file';
  if (facts.isDirectory()) return 'directory';
  if (facts.isSymbolicLink()) return 'symlink';
  if (facts.isCharacterDevice()) return 'character-device';
  if (facts.isBlockDevice()) return 'block-device';
  return facts.isFIFO() ? 'fifo' : null;
}
