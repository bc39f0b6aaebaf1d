import { HullError } from '../../model/errors.ts';
import type { Isolation } from '../../model/isolation.ts';

/** How big the host is. */
export interface HostSize {
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const MINIMUM_VM_MEMORY = 64 * 1024 * 1024;

/** Docker's rule for names. */
export function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new HullError(
    'invalid-argument',
    `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );
}

/** VMs need room for a kernel. */
export function checkIsolationMemory(isolation: Isolation, memory: number | undefined): void {
  if (isolation !== 'vm' || memory === undefined || memory >= MINIMUM_VM_MEMORY) return;
  throw new HullError(
    'invalid-argument',
    `a VM needs at least 64MiB of memory for its kernel; ${readable(memory)} were asked for`,
  );
}

/** Rounded down, so that what is too much never looks as if it fitted: `512MiB`, `23.5GiB`, `12 bytes`. */
function readable(bytes: number): string {
  const power = Math.min(3, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  const unit = ['', 'KiB', 'MiB', 'GiB'][power] ?? '';
  return unit === '' ? `${bytes} bytes` : `${Math.floor((bytes / 1024 ** power) * 10) / 10}${unit}`;
}
