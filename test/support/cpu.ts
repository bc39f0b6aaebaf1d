import { readFileSync } from 'node:fs';

/** Clock ticks in a second (sysconf(_SC_CLK_TCK)), on every Linux. */
const TICKS = 100;

/** Seconds of CPU time, user and system, that a process has used itself (proc(5)). */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  // utime and stime, fields 14 and 15 of the whole line.
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
