import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Process ids of the host. */
export function allProcesses(): Set<number> {
  return new Set(readdirSync('/proc').map(Number).filter(Number.isInteger));
}

/** Arguments; empty when the process is gone or a kernel thread. */
export function commandOf(pid: number): string[] {
  return read(`/proc/${pid}/cmdline`)
    .split('\0')
    .filter((part) => part !== '');
}

/** Direct children. */
export function childrenOf(pid: number): number[] {
  return [...allProcesses()].filter((each) => parentOf(each) === pid);
}

/** Parent, its parent, and so on up to the first process. */
export function ancestorsOf(pid: number): number[] {
  const parent = parentOf(pid);
  return parent <= 0 ? [] : [parent, ...ancestorsOf(parent)];
}

function parentOf(pid: number): number {
  // proc(5): the program's name is in parentheses and may itself hold spaces and parentheses.
  const [, parent] = read(`/proc/${pid}/stat`).replace(/^.*\)/s, '').trim().split(' ');
  return Number(parent ?? 0);
}

/** Proportional set size, bytes: pages shared with other processes count in proportion. */
export function pssOf(pid: number): number {
  return kilobytes(read(`/proc/${pid}/smaps_rollup`), 'Pss');
}

/** From here on the peak is counted anew (proc(5), clear_refs). */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** The largest resident set size so far, bytes. */
export function peakOf(pid: number): number {
  return kilobytes(read(`/proc/${pid}/status`), 'VmHWM');
}

/** Resident set size, bytes. */
export function rssOf(pid: number): number {
  return kilobytes(read(`/proc/${pid}/status`), 'VmRSS');
}

function kilobytes(text: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
}

/** Empty when it is gone. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
