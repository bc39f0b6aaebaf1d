import { dlopen, FFIType } from 'bun:ffi';
import { closeSync, constants as fsConstants, openSync } from 'node:fs';
import { constants } from 'node:os';
import { decodeBytes, encodeBytes } from '../lib/byte-text.ts';
import { Libc, SyscallError } from './libc.ts';
import { LongPaths } from './long-paths.ts';

const { i32, i64, u64, pointer } = FFIType;
const AT_FDCWD = -100;
const O_PATH = 0o10000000;
const AT_SYMLINK_NOFOLLOW = 0x100;
/** XATTR_SIZE_MAX and XATTR_LIST_MAX. */
const XATTR_LIMIT = 65536;

function open() {
  return dlopen('libc.so.6', {
    lsetxattr: { args: [pointer, pointer, pointer, u64, i32], returns: i32 },
    lgetxattr: { args: [pointer, pointer, pointer, u64], returns: i64 },
    llistxattr: { args: [pointer, pointer, u64], returns: i64 },
    linkat: { args: [i32, pointer, i32, pointer, i32], returns: i32 },
    lremovexattr: { args: [pointer, pointer], returns: i32 },
    utimensat: { args: [i32, pointer, pointer, i32], returns: i32 },
  }).symbols;
}

/**
 * What an archive's members need and Node's file functions lack. Paths are `lib/byte-text.ts` text: any bytes, and as
 * long as they like. Synchronous, because after
 * a `Confinement` only the calling thread is confined: never use asynchronous file functions beside it.
 */
export class TreeSyscalls {
  readonly #libc = new Libc();
  readonly #symbols = open();
  readonly #buffer = new Uint8Array(XATTR_LIMIT);
  /** For what is called by name elsewhere. */
  readonly paths = new LongPaths();

  /** mknod(2); `type` is S_IFCHR, S_IFBLK or S_IFIFO. */
  makeNode(target: string, type: number, mode: number, major = 0, minor = 0): void {
    this.#libc.check(
      'mknod',
      this.#libc.symbols.mknod(this.#path(target), type | mode, deviceNumber(major, minor)),
      target,
    );
  }

  /** linkat(2): `target` gets another name; a link itself, not its target. */
  link(target: string, name: string): void {
    const from = this.#path(target);
    // The folder that it was named in, if need be: the other name may be in another one.
    const folder = openSync('.', O_PATH | fsConstants.O_DIRECTORY);
    try {
      const result = this.#symbols.linkat(folder, from, AT_FDCWD, this.#path(name), 0);
      this.#libc.check('linkat', result, name);
    } finally {
      closeSync(folder);
    }
  }

  /** Sets access and modification time, nanoseconds since the epoch; of a link itself, not of its target. */
  setTimes(target: string, nanoseconds: bigint): void {
    const seconds = nanoseconds / 1_000_000_000n - (nanoseconds % 1_000_000_000n < 0n ? 1n : 0n);
    const rest = nanoseconds - seconds * 1_000_000_000n;
    const times = new BigInt64Array([seconds, rest, seconds, rest]);
    this.#libc.check(
      'utimensat',
      this.#symbols.utimensat(AT_FDCWD, this.#path(target), times, AT_SYMLINK_NOFOLLOW),
      target,
    );
  }

  setXattr(target: string, name: string, value: Uint8Array): void {
    // FFI takes no pointer to an empty array.
    const data = value.length === 0 ? new Uint8Array(1) : value;
    this.#libc.check(
      'lsetxattr',
      this.#symbols.lsetxattr(this.#path(target), cBytes(name), data, BigInt(value.length), 0),
      target,
    );
  }

  removeXattr(target: string, name: string): void {
    this.#libc.check('lremovexattr', this.#symbols.lremovexattr(this.#path(target), cBytes(name)), target);
  }

  /** Every extended attribute of a file, a link itself included; none where the filesystem has none. */
  xattrs(target: string): Map<string, Uint8Array> {
    const found = new Map<string, Uint8Array>();
    const file = this.#path(target);
    const size = Number(this.#symbols.llistxattr(file, this.#buffer, BigInt(XATTR_LIMIT)));
    if (size < 0) {
      if (this.#libc.errno() === constants.errno.EOPNOTSUPP) return found;
      throw new SyscallError('llistxattr', this.#libc.errno(), target);
    }
    const names = decodeBytes(this.#buffer.slice(0, size)).split('\0');
    for (const name of names.filter((one) => one !== '')) {
      const length = Number(this.#symbols.lgetxattr(file, cBytes(name), this.#buffer, BigInt(XATTR_LIMIT)));
      if (length >= 0) found.set(name, this.#buffer.slice(0, length));
    }
    return found;
  }

  #path(target: string): Uint8Array {
    const near = this.paths.near(target);
    return terminated(typeof near === 'string' ? encodeBytes(near) : near);
  }

  /** syncfs(2) of the filesystem that holds `target`. Blocks: for processes of their own. */
  syncFilesystem(target: string): void {
    const descriptor = openSync(target, fsConstants.O_RDONLY);
    try {
      this.#libc.check('syncfs', this.#libc.symbols.syncfs(descriptor), target);
    } finally {
      closeSync(descriptor);
    }
  }
}

/** dev_t as glibc's makedev(3) lays it out. */
function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (
    ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn)
  );
}

/** makedev(3) undone. */
export function splitDevice(device: bigint): { major: number; minor: number } {
  return {
    major: Number(((device >> 32n) & 0xfffff000n) | ((device >> 8n) & 0xfffn)),
    minor: Number(((device >> 12n) & 0xffffff00n) | (device & 0xffn)),
  };
}

/**
 * A C string. Arrays are handed to the call themselves, never as `ptr(…)` of a temporary, which may be collected before the call happens.
 */
function cBytes(text: string): Uint8Array {
  return terminated(encodeBytes(text));
}

function terminated(bytes: Uint8Array): Uint8Array {
  if (bytes.includes(0))
    throw new SyscallError('path', constants.errno.EINVAL, JSON.stringify(decodeBytes(bytes)));
  const result = new Uint8Array(bytes.length + 1);
  result.set(bytes);
  return result;
}
