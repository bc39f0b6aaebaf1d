import { dlopen, FFIType } from 'bun:ffi';
import { closeSync, constants, readdirSync, readlinkSync } from 'node:fs';

const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;
const F_GETFL = 3;
const F_SETFL = 4;

const { i32, i64 } = FFIType;

/**
 * Makes the terminals whose masters another process holds non-blocking for that process, and returns how many those are. The flag belongs to
 * the open file, which a duplicate (pidfd_getfd(2)) shares. A process that waits in write(2) for room in a terminal sees nothing else.
 * 0 where the kernel lets nobody duplicate descriptors (Yama's ptrace_scope 3).
 */
export function unblockTerminals(pid: number): number {
  const masters = terminalMasters(pid);
  if (masters.length === 0) return 0;
  const { symbols: libc } = dlopen('libc.so.6', {
    syscall: { args: [i64, i64, i64, i64], returns: i64 },
    fcntl: { args: [i32, i32, i64], returns: i32 },
  });
  const process = Number(libc.syscall(SYS_PIDFD_OPEN, pid, 0, 0));
  if (process < 0) return 0;
  try {
    return masters.filter((master) => {
      const copy = Number(libc.syscall(SYS_PIDFD_GETFD, process, master, 0));
      if (copy < 0) return false;
      try {
        const flags = libc.fcntl(copy, F_GETFL, 0);
        return flags >= 0 && libc.fcntl(copy, F_SETFL, flags | constants.O_NONBLOCK) === 0;
      } finally {
        closeSync(copy);
      }
    }).length;
  } finally {
    closeSync(process);
  }
}

/** Descriptors of the process that are masters of pseudo-terminals, wherever its devpts is mounted. */
function terminalMasters(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/fd`)
      .map(Number)
      .filter((descriptor) => isMaster(`/proc/${pid}/fd/${descriptor}`));
  } catch {
    return [];
  }
}

function isMaster(link: string): boolean {
  try {
    return readlinkSync(link).endsWith('/ptmx');
  } catch {
    return false;
  }
}
