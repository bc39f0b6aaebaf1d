import { readFileSync, readlinkSync } from 'node:fs';
import { dlopen, FFIType } from 'bun:ffi';

const MADV_DONTNEED = 4;
/** Bytes above what it settled at from which compiled code is dropped. */
const GROWTH = 16 * 1024 * 1024;

/** A range of addresses. */
export interface AddressRange {
  readonly start: bigint;
  readonly length: bigint;
}

/** What this process holds and can do without. */
export class OwnMemory {
  /** Bytes of its own after things had settled; null where that is to be seen yet. */
  #settled: number | null = null;
  #libc: ReturnType<typeof openLibc> | null = null;

  /**
   * Collects garbage, and lets go of the program text that only starting needed: 30 MB and more of the runtime's own code. What is used again comes back from
   * the page cache, a page fault each. Only code is let go: it is never written, so nothing can be lost. After more work than usual, which leaves
   * the heap with holes and full of compiled code, that is dropped too; the next request then takes some 25 ms longer.
   */
  giveBack(): void {
    Bun.gc(true);
    const own = ownBytes(readFileSync('/proc/self/status', 'utf8'));
    if (this.#settled === null) this.#settled = own;
    else if (own > this.#settled + GROWTH) {
      // Done once nothing runs: what is left is seen the next time.
      Bun.shrink();
      this.#settled = null;
    }
    this.#releaseCode();
  }

  #releaseCode(): void {
    const { madvise } = (this.#libc ??= openLibc()).symbols;
    const ranges = codeRanges(readFileSync('/proc/self/maps', 'utf8'), readlinkSync('/proc/self/exe'));
    for (const { start, length } of ranges) madvise(start, length, MADV_DONTNEED);
  }
}

function openLibc() {
  return dlopen('libc.so.6', {
    madvise: { args: [FFIType.u64, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
  });
}

/** What is resident and of no file, in /proc/PID/status (proc(5)); in bytes. */
export function ownBytes(status: string): number {
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
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
