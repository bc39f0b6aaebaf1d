import { dlopen, FFIType } from 'bun:ffi';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';

const LOCK_EX_NB = 2 | 4;
/** How long others may hold a lock that is held for moments. */
const PATIENCE = 5_000;

/**
 * Takes the lock of a file (flock(2)) for as long as this process lives; the kernel gives it back however the process ends. The file then holds
 * the pid, for people to read. Returns how to give it back, or null when another process has it.
 */
export function lockFile(path: string): (() => void) | null {
  const { symbols } = dlopen('libc.so.6', {
    flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  });
  const descriptor = openSync(path, 'a', 0o600);
  if (symbols.flock(descriptor, LOCK_EX_NB) !== 0) {
    closeSync(descriptor);
    return null;
  }
  ftruncateSync(descriptor);
  writeSync(descriptor, `${process.pid}\n`);
  return () => closeSync(descriptor);
}

/**
 * Does short, synchronous work while no other process or thread has the lock of a file, which is made where absent. The file's contents are left
 * alone. Goes on without the lock when somebody holds it for more than five seconds: that one hangs.
 */
export function withFileLock<T>(path: string, work: () => T): T {
  const { symbols } = dlopen('libc.so.6', {
    flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  });
  const descriptor = openSync(path, 'a', 0o600);
  try {
    const deadline = Date.now() + PATIENCE;
    while (symbols.flock(descriptor, LOCK_EX_NB) !== 0 && Date.now() < deadline) Bun.sleepSync(2);
    return work();
  } finally {
    closeSync(descriptor);
  }
}
