import { dlopen, FFIType, read } from 'bun:ffi';
import { constants } from 'node:os';

const { i32, i64, u32, u64, pointer } = FFIType;

function open() {
  return dlopen('libc.so.6', {
    __errno_location: { args: [], returns: pointer },
    mount: { args: [pointer, pointer, pointer, u64, pointer], returns: i32 },
    umount2: { args: [pointer, i32], returns: i32 },
    unshare: { args: [i32], returns: i32 },
    setns: { args: [i32, i32], returns: i32 },
    chroot: { args: [pointer], returns: i32 },
    syncfs: { args: [i32], returns: i32 },
    mkdirat: { args: [i32, pointer, u32], returns: i32 },
    mknod: { args: [pointer, u32, u64], returns: i32 },
    socket: { args: [i32, i32, i32], returns: i32 },
    connect: { args: [i32, pointer, u32], returns: i32 },
    socketpair: { args: [i32, i32, i32, pointer], returns: i32 },
    inotify_init1: { args: [i32], returns: i32 },
    inotify_add_watch: { args: [i32, pointer, u32], returns: i32 },
    inotify_rm_watch: { args: [i32, i32], returns: i32 },
    recvmmsg: { args: [i32, pointer, u32, i32, pointer], returns: i32 },
    close: { args: [i32], returns: i32 },
    /** Variadic in C; one number follows here. */
    fcntl: { args: [i32, i32, i64], returns: i32 },
    /** As openat2(2) is called: number, descriptor, path, struct, size. */
    syscall: { args: [i64, i64, pointer, pointer, i64], returns: i64 },
  }).symbols;
}

/** A failed syscall, with the errno's name as `code` (as Node's own errors have it). */
export class SyscallError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;

  constructor(syscall: string, errno: number, what: string) {
    const code = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `E${errno}`;
    super(`${syscall} ${what}: ${code}`);
    this.name = 'SyscallError';
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

/** The C library, as far as the engine needs it. Paths are passed as NUL-terminated bytes; a NUL inside one is refused. */
export class Libc {
  readonly symbols = open();

  /** Throws a SyscallError when `result` is -1. */
  check(syscall: string, result: number | bigint, what: string): number {
    if (Number(result) >= 0) return Number(result);
    throw new SyscallError(syscall, this.errno(), what);
  }

  errno(): number {
    const location = this.symbols.__errno_location();
    return location === null ? 0 : read.i32(location, 0);
  }
}

/** Bytes of a C string. Pass the array itself to a function, never an address taken before: the collector may have it by then. */
export function cString(text: string): Uint8Array {
  if (text.includes('\0')) throw new SyscallError('path', constants.errno.EINVAL, JSON.stringify(text));
  return new TextEncoder().encode(`${text}\0`);
}
