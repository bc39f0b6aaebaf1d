import { dlopen, FFIType } from 'bun:ffi';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';

const LOCK_EX_NB = 2 | 4;

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
