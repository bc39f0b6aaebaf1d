import { readFileSync } from 'node:fs';

/** /proc/stat counts in hundredths of a second on every architecture (proc(5), USER_HZ). */
const NANOSECONDS_PER_TICK = 10_000_000;
/** user nice system idle iowait irq softirq; steal and guest are part of others or of no use here. */
const FIELDS = 7;

/** CPU time of the whole host since boot, idle time included, all CPUs together: what Docker's clients divide by. */
export function hostCpuNanoseconds(): number {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  const ticks = first
    .trim()
    .split(/\s+/)
    .slice(1, 1 + FIELDS);
  return ticks.reduce((sum, field) => sum + Number(field), 0) * NANOSECONDS_PER_TICK;
}
