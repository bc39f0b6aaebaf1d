import type { MemoryMapping } from '../../host/process-memory.ts';
import type { Capacity, Measured, SubjectMemory } from '../../model/comparison.ts';
import type { Footprint } from '../api.ts';
import { median, sampleOf } from './statistics.ts';

/** Memory that a path names but no file on a disk holds. */
const NOT_A_FILE = /^(?!\/)|^\/(memfd:|dev\/|SYSV|anon_hugepage)| \(deleted\)$/;
const MEBIBYTE = 1024 * 1024;

/**
 * What each further instance needs, and what is there once for all: pages of programs, libraries and kernels mapped from files. A page of such
 * a file that was written to is a copy, and the instance's own. `processes`: the mappings of each process.
 */
export function splitMemory(processes: readonly (readonly MemoryMapping[])[]): {
  unique: number;
  shared: number;
} {
  const files = new Map<string, number>();
  let unique = 0;
  for (const mappings of processes) {
    const own = new Map<string, number>();
    for (const { path, inode, rss, pss, anonymous } of mappings) {
      if (NOT_A_FILE.test(path)) {
        unique += pss;
        continue;
      }
      unique += Math.min(anonymous, pss);
      const key = `${inode} ${path}`;
      own.set(key, (own.get(key) ?? 0) + Math.max(0, rss - anonymous));
    }
    // Processes that map the same file mostly share the same pages of it.
    for (const [key, bytes] of own) files.set(key, Math.max(files.get(key) ?? 0, bytes));
  }
  return { unique, shared: [...files.values()].reduce((sum, bytes) => sum + bytes, 0) };
}

export interface MemoryReading {
  readonly footprint: Footprint;
  readonly unique: number;
  readonly shared: number;
}

function pssOf({ workload, helpers }: Footprint): number {
  return [...workload, ...helpers].reduce((sum, one) => sum + one.pss, 0);
}

/** `why`: said where there is no reading. */
export function memoryReport(readings: readonly MemoryReading[], why: string): Measured<SubjectMemory> {
  const latest = readings.at(-1);
  const pss = sampleOf(
    readings.map(({ footprint }) => pssOf(footprint)),
    why,
  );
  if (latest === undefined || !('value' in pss)) return { notMeasured: why };
  const { workload, helpers } = latest.footprint;
  return {
    value: {
      pss: pss.value,
      workload: pssOf({ workload, helpers: [] }),
      helpers: pssOf({ workload: [], helpers }),
      processes: [...workload, ...helpers].map(({ command, pss: bytes }) => ({
        command: shortCommand(command),
        pss: bytes,
      })),
      unique: median(readings.map((reading) => reading.unique)),
      shared: median(readings.map((reading) => reading.shared)),
    },
  };
}

/** The program alone: command lines are long and may hold what is nobody's business. */
function shortCommand(command: string): string {
  const [program = ''] = command.split(' ', 1);
  return program.slice(program.lastIndexOf('/') + 1);
}

/** How many fit by memory alone: what all share once, then each its own. */
export function capacityOf(memory: Measured<SubjectMemory>, available: number): Measured<Capacity> {
  if (!('value' in memory)) return memory;
  const { unique, shared } = memory.value;
  if (unique <= 0) return { notMeasured: 'no memory of its own was seen' };
  const instances = Math.max(0, Math.floor((available - shared) / unique));
  const mebibytes = (bytes: number): string => `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
  const formula = `(${mebibytes(available)} available - ${mebibytes(shared)} shared by all) / ${mebibytes(unique)} each`;
  return { value: { instances, formula } };
}
