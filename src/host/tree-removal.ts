import { dlopen, FFIType } from 'bun:ffi';
import { randomBytes } from 'node:crypto';
import { closeSync, constants as flags, openSync } from 'node:fs';
import { constants } from 'node:os';
import { decodeBytes, encodeBytes } from '../lib/byte-text.ts';
import { Libc, SyscallError } from './libc.ts';
import { asFilePath } from './long-paths.ts';

const { i32, i64, u32, u64, pointer } = FFIType;
const { ENOENT, ENOTEMPTY, EEXIST, EISDIR, ENOTDIR, EPERM } = constants.errno;
const AT_FDCWD = -100;
const AT_REMOVEDIR = 0x200;
const AT_SYMLINK_NOFOLLOW = 0x100;
const O_CLOEXEC = 0o2000000;
const OPEN = flags.O_RDONLY | flags.O_NOFOLLOW | flags.O_NONBLOCK | O_CLOEXEC;
const STATX_BLOCKS = 0x400;
const FS_IOC_GETFLAGS = 0x80086601n;
const FS_IOC_SETFLAGS = 0x40086602n;
/** FS_IMMUTABLE_FL and FS_APPEND_FL. */
const LOCKED = 0x10 | 0x20;
const [DT_UNKNOWN, DT_DIR, DT_REG] = [0, 4, 8];
/** struct linux_dirent64 (getdents(2)): inode, offset, then these. */
const [RECORD_LENGTH, RECORD_TYPE, RECORD_NAME] = [16, 18, 19];
const BUFFER = 32 * 1024;
/** Folders that are open at the same time. Deeper ones are moved up instead: no tree is too deep, and no path too long. */
const DEEPEST = 64;
/** A file this large is not deleted on the caller's thread: its blocks take time. */
const LARGE = 16 * 1024 ** 2;

function open() {
  return dlopen('libc.so.6', {
    openat: { args: [i32, pointer, i32, u32], returns: i32 },
    unlinkat: { args: [i32, pointer, i32], returns: i32 },
    renameat: { args: [i32, pointer, i32, pointer], returns: i32 },
    getdents64: { args: [i32, pointer, u64], returns: i64 },
    lseek: { args: [i32, i64, i32], returns: i64 },
    statx: { args: [i32, pointer, i32, u32, pointer], returns: i32 },
    ioctl: { args: [i32, u64, pointer], returns: i32 },
  }).symbols;
}

/** Where an entry is: a folder's descriptor, and its name there, NUL-terminated. */
interface Entry {
  readonly folder: number;
  readonly name: Uint8Array;
  readonly type: number;
}

/** What is left of the work, where it is bounded. */
interface Budget {
  entries: number;
  readonly deepest: number;
}

/** What one pass over a folder did: entries that are gone from it, and that are not. */
interface Passed {
  readonly gone: number;
  readonly stayed: number;
}

const WITHOUT_BOUND: Budget = { entries: Number.POSITIVE_INFINITY, deepest: DEEPEST };

/**
 * Deletes trees that somebody else made, by descriptor and in linear time: however deep they are, whatever names, types and flags (chattr(1)) their
 * files have. Nobody may work in them. Nothing is deleted through a mount: what is a mount point, and the folders above it, stay.
 */
export class TreeRemover {
  readonly #libc = new Libc();
  readonly #symbols = open();
  readonly #buffers: Uint8Array[] = [];
  readonly #prefix = randomBytes(6).toString('hex');
  #moved = 0;
  /** Why things stayed, the first few. */
  readonly failures: SyscallError[] = [];

  /** Moves a tree, even one that chattr(1) has locked. False when there is none. Throws a SyscallError. */
  move(from: string, to: string): boolean {
    const [source, target] = [cBytes(from), cBytes(to)];
    const rename = (): number => this.#symbols.renameat(AT_FDCWD, source, AT_FDCWD, target);
    if (rename() === 0) return true;
    if (this.#libc.errno() === ENOENT) return false;
    if (this.#libc.errno() === EPERM) {
      this.#unlock({ folder: AT_FDCWD, name: source, type: DT_DIR });
      if (rename() === 0) return true;
    }
    throw new SyscallError('rename', this.#libc.errno(), from);
  }

  /** Deletes everything in a folder. False when something stays; `failures` says why. */
  empty(folder: string | Uint8Array): boolean {
    const descriptor = openSync(
      typeof folder === 'string' ? asFilePath(folder) : Buffer.from(folder),
      flags.O_RDONLY | flags.O_DIRECTORY,
    );
    try {
      // What is too deep is moved into the folder itself while it is read: again, until a whole pass finds nothing.
      for (;;) {
        const pass = this.#pass(descriptor, 0, descriptor, WITHOUT_BOUND);
        if (pass.stayed > 0 && pass.gone === 0) return false;
        if (pass.gone === 0) return true;
      }
    } finally {
      closeSync(descriptor);
    }
  }

  /** Deletes what is at `path`; fine when nothing is. False when something stays. */
  remove(path: string | Uint8Array): boolean {
    const entry = { folder: AT_FDCWD, name: cBytes(path), type: DT_REG };
    const errno = this.#unlink(entry, false);
    if (errno !== EISDIR) return errno === 0 || this.#fail('unlink', errno, entry);
    return this.empty(path) && this.#unlink({ ...entry, type: DT_DIR }, true) === 0;
  }

  /** Deletes what is at `path` when that is little: no more than `entries` files, none large. False when it is more: some of it may be gone. */
  removeLittle(path: string, entries: number): boolean {
    const budget = { entries, deepest: 8 };
    return this.#remove({ folder: AT_FDCWD, name: cBytes(path), type: DT_UNKNOWN }, 0, null, budget);
  }

  /** One pass over a folder's entries. `top`: where folders that are too deep go. */
  #pass(folder: number, depth: number, top: number | null, budget: Budget): Passed {
    const buffer = (this.#buffers[depth] ??= new Uint8Array(BUFFER));
    const view = new DataView(buffer.buffer);
    let [gone, stayed] = [0, 0];
    this.#symbols.lseek(folder, 0n, 0);
    for (;;) {
      const size = Number(this.#symbols.getdents64(folder, buffer, BigInt(BUFFER)));
      if (size <= 0) return { gone, stayed };
      for (let at = 0; at < size;) {
        const end = at + view.getUint16(at + RECORD_LENGTH, true);
        const name = buffer.subarray(at + RECORD_NAME, end);
        const type = buffer[at + RECORD_TYPE] ?? DT_UNKNOWN;
        at = end;
        if (isDots(name)) continue;
        budget.entries -= 1;
        if (budget.entries < 0) return { gone, stayed: stayed + 1 };
        if (this.#remove({ folder, name, type }, depth, top, budget)) gone += 1;
        else stayed += 1;
      }
    }
  }

  /** Deletes one entry, or moves it to `top`. */
  #remove(entry: Entry, depth: number, top: number | null, budget: Budget): boolean {
    if (budget !== WITHOUT_BOUND && this.#isLarge(entry)) return false;
    const asFolder = entry.type === DT_DIR;
    let errno = this.#unlink(entry, asFolder);
    if (asFolder ? errno === ENOTDIR : errno === EISDIR) errno = this.#unlink(entry, !asFolder);
    if (errno === 0) return true;
    if (errno !== ENOTEMPTY && errno !== EEXIST) return this.#fail('unlink', errno, entry);
    if (depth >= budget.deepest) return top !== null && this.#moveUp(entry, top);
    for (;;) {
      const child = this.#openEntry(entry);
      if (child < 0) return this.#fail('open', this.#libc.errno(), entry);
      const { gone, stayed } = this.#passAndClose(child, depth + 1, top, budget);
      if (stayed > 0) return false;
      errno = this.#unlink(entry, true);
      if (errno === 0) return true;
      if (errno !== ENOTEMPTY || gone === 0) return this.#fail('rmdir', errno, entry);
    }
  }

  #passAndClose(child: number, depth: number, top: number | null, budget: Budget): Passed {
    try {
      return this.#pass(child, depth, top, budget);
    } finally {
      closeSync(child);
    }
  }

  /** The errno; 0 when it is gone. */
  #unlink(entry: Entry, asFolder: boolean): number {
    return this.#unlocked(entry, () =>
      this.#symbols.unlinkat(entry.folder, entry.name, asFolder ? AT_REMOVEDIR : 0),
    );
  }

  #moveUp(entry: Entry, top: number): boolean {
    const name = cBytes(`${this.#prefix}-${this.#moved++}`);
    const errno = this.#unlocked(entry, () => this.#symbols.renameat(entry.folder, entry.name, top, name));
    return errno === 0 || this.#fail('rename', errno, entry);
  }

  /** Does something to an entry, and again without the flags that forbid it. */
  #unlocked(entry: Entry, work: () => number): number {
    if (work() === 0) return 0;
    let errno = this.#libc.errno();
    if (errno === EPERM && this.#unlock(entry)) errno = work() === 0 ? 0 : this.#libc.errno();
    return errno === ENOENT ? 0 : errno;
  }

  /** Takes the flags of chattr(1) that forbid a deletion off an entry and its folder. False when neither had one. */
  #unlock(entry: Entry): boolean {
    const folder = entry.folder !== AT_FDCWD && this.#clear(entry.folder);
    if (entry.type !== DT_DIR && entry.type !== DT_REG) return folder;
    const descriptor = this.#openEntry(entry);
    if (descriptor < 0) return folder;
    try {
      return this.#clear(descriptor) || folder;
    } finally {
      closeSync(descriptor);
    }
  }

  #clear(descriptor: number): boolean {
    const value = new Uint32Array(2);
    if (this.#symbols.ioctl(descriptor, FS_IOC_GETFLAGS, value) !== 0) return false;
    const [current = 0] = value;
    if ((current & LOCKED) === 0) return false;
    value[0] = current & ~LOCKED;
    return this.#symbols.ioctl(descriptor, FS_IOC_SETFLAGS, value) === 0;
  }

  #openEntry({ folder, name }: Entry): number {
    return this.#symbols.openat(folder, name, OPEN, 0);
  }

  #isLarge({ folder, name }: Entry): boolean {
    const facts = new BigUint64Array(32);
    if (this.#symbols.statx(folder, name, AT_SYMLINK_NOFOLLOW, STATX_BLOCKS, facts) !== 0) return false;
    // stx_blocks, in 512 bytes.
    return Number(facts[6]) * 512 > LARGE;
  }

  #fail(syscall: string, errno: number, { name }: Entry): false {
    const text = decodeBytes(name.subarray(0, name.indexOf(0)));
    if (this.failures.length < 5) this.failures.push(new SyscallError(syscall, errno, text));
    return false;
  }
}

function isDots(name: Uint8Array): boolean {
  return name[0] === 0x2e && (name[1] === 0 || (name[1] === 0x2e && name[2] === 0));
}

function cBytes(path: string | Uint8Array): Uint8Array {
  const bytes = typeof path === 'string' ? encodeBytes(path) : path;
  const terminated = new Uint8Array(bytes.length + 1);
  terminated.set(bytes);
  return terminated;
}
