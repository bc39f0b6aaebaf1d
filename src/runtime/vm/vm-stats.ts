import { readFileSync } from 'node:fs';
import type { RuntimeStats } from '../runtime.ts';
import type { QemuCgroups } from './qemu-cgroup.ts';
import { isRecord } from './qmp.ts';
import type { Vm } from './vm.ts';

const NANOSECONDS_PER_TICK = 10_000_000;

/**
 * What the VM costs the host in CPU and disk, which the guest cannot misstate, and what its workload uses of the memory that it was given,
 * which only the guest knows (a machine: what QEMU holds).
 */
export async function vmStats(vm: Vm, cgroups: QemuCgroups): Promise<RuntimeStats> {
  const [facts, block] = await Promise.all([vm.guestFacts(), blockBytes(vm)]);
  const group = cgroups.group(vm.bundle.id).stats();
  const cpu = group.cpuNanoseconds > 0 ? group : processCpu(vm.record.qemu.pid);
  const total = vm.bundle.resources.memory ?? Math.min(facts?.memoryTotal || Infinity, vm.record.memoryBytes);
  return {
    readAt: Date.now(),
    cpuNanoseconds: cpu.cpuNanoseconds,
    cpuKernelNanoseconds: cpu.cpuKernelNanoseconds,
    cpuUserNanoseconds: cpu.cpuUserNanoseconds,
    memoryUsage: Math.min(facts?.memoryUsage ?? group.memoryUsage, total),
    memoryInactiveFile: Math.min(facts?.memoryInactiveFile ?? 0, total),
    memoryLimit: total,
    pids: facts?.pids ?? 0,
    pidsLimit: vm.bundle.resources.pidsLimit ?? 0,
    blockRead: block.read,
    blockWrite: block.write,
  };
}

/** utime and stime of /proc/PID/stat (proc(5)), for hosts without a usable control group. */
export function processCpu(
  pid: number,
): Pick<RuntimeStats, 'cpuNanoseconds' | 'cpuKernelNanoseconds' | 'cpuUserNanoseconds'> {
  let fields: string[] = [];
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    // It has just ended: nothing to report.
  }
  const user = Number(fields[11] ?? 0) * NANOSECONDS_PER_TICK;
  const kernel = Number(fields[12] ?? 0) * NANOSECONDS_PER_TICK;
  return { cpuNanoseconds: user + kernel, cpuKernelNanoseconds: kernel, cpuUserNanoseconds: user };
}

/** Sums query-blockstats over the disks. */
async function blockBytes(vm: Vm): Promise<{ read: number; write: number }> {
  const disks = await vm.monitor.execute('query-blockstats');
  const sum = { read: 0, write: 0 };
  for (const disk of Array.isArray(disks) ? disks : []) {
    const stats: unknown = isRecord(disk) ? disk['stats'] : null;
    if (!isRecord(stats)) continue;
    sum.read += Number(stats['rd_bytes'] ?? 0);
    sum.write += Number(stats['wr_bytes'] ?? 0);
  }
  return sum;
}
