import { readFileSync, writeFileSync } from 'node:fs';

const KIBIBYTE = 1024;

/** One mapping of a process (proc(5), /proc/PID/smaps); bytes. */
export interface MemoryMapping {
  /** Empty for anonymous memory, `[heap]` and the like for the kernel's own names. */
  readonly path: string;
  readonly inode: string;
  readonly rss: number;
  readonly pss: number;
  /** Pages that are no file's, or not any more: copies made on write. */
  readonly anonymous: number;
}

/** Parses /proc/PID/smaps. Lines that it does not know are left out. */
export function parseMappings(text: string): MemoryMapping[] {
  const mappings: { path: string; inode: string; rss: number; pss: number; anonymous: number }[] = [];
  for (const line of text.split('\n')) {
    const head = /^[0-9a-f]+-[0-9a-f]+ \S+ [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ (\d+)\s*(.*)$/.exec(line);
    if (head !== null) {
      mappings.push({ path: head[2] ?? '', inode: head[1] ?? '', rss: 0, pss: 0, anonymous: 0 });
      continue;
    }
    const field = /^(Rss|Pss|Anonymous):\s+(\d+) kB$/.exec(line);
    const mapping = mappings.at(-1);
    if (field === null || mapping === undefined) continue;
    const bytes = Number(field[2]) * KIBIBYTE;
    if (field[1] === 'Rss') mapping.rss = bytes;
    else if (field[1] === 'Pss') mapping.pss = bytes;
    else mapping.anonymous = bytes;
  }
  return mappings;
}

/** The mappings of a process; none when it is gone. */
export function readMappings(pid: number): MemoryMapping[] {
  try {
    return parseMappings(readFileSync(`/proc/${pid}/smaps`, 'utf8'));
  } catch {
    return [];
  }
}

/** Bytes that new programs can have without swapping: MemAvailable of /proc/meminfo. */
export function availableMemory(): number {
  const found = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'));
  return Number(found?.[1] ?? 0) * KIBIBYTE;
}

/** Lets the kernel forget the contents of files that it keeps in memory. Throws where that is not allowed. */
export function dropPageCache(): void {
  writeFileSync('/proc/sys/vm/drop_caches', '1');
}
