import { readFileSync, readlinkSync } from 'node:fs';
import { dlopen, FFIType } from 'bun:ffi';

const MADV_DONTNEED = 4;

/** A range of addresses. */
export interface AddressRange {
  readonly start: bigint;
  readonly length: bigint;
}

/**
 * Collects garbage, and lets go of the program text that only starting needed: 30 MB and more of the runtime's own code. What is used again comes back from the
 * page cache, a page fault each. Only code is let go: it is never written, so nothing can be lost.
 */
export function giveMemoryBack(): void {
  Bun.gc(true);
  const { symbols } = dlopen('libc.so.6', {
    madvise: { args: [FFIType.u64, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
  });
  const ranges = codeRanges(readFileSync('/proc/self/maps', 'utf8'), readlinkSync('/proc/self/exe'));
  for (const { start, length } of ranges) symbols.madvise(start, length, MADV_DONTNEED);
}

/** The executable, unwritable mappings of a file in /proc/PID/maps (proc(5)). */
export function codeRanges(maps: string, file: string): AddressRange[] {
  return maps.split('\n').flatMap((line) => {
    const match = /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \d+ +(.*)$/.exec(line);
    if (match === null || match[3] !== file) return [];
    const start = BigInt(`0x${match[1] ?? '0'}`);
    return [{ start, length: BigInt(`0x${match[2] ?? '0'}`) - start }];
  });
}
