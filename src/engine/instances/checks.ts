import { HullError } from '../../model/errors.ts';
import type { Isolation } from '../../model/isolation.ts';
import type { Resources } from '../../model/resources.ts';

/** How big the host is. */
export interface HostSize {
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const MINIMUM_MEMORY = 6 * 1024 * 1024;
const MINIMUM_VM_MEMORY = 64 * 1024 * 1024;
const BILLION = 1_000_000_000;

/** Docker's rule for names. */
export function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new HullError(
    'invalid-argument',
    `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, with at least two characters`,
  );
}

/** Refuses limits that make no sense or that this host cannot honour. */
export function checkResources(resources: Resources, host: HostSize): void {
  const { memory, memorySwap, nanoCpus, pidsLimit } = resources;
  if (memory !== undefined) checkMemory(memory, host);
  if (memorySwap !== undefined && memorySwap > 0 && memorySwap < (memory ?? 0)) {
    throw new HullError(
      'invalid-argument',
      'the limit of memory plus swap (memory-swap) is lower than that of memory; raise it, or use -1',
    );
  }
  if (
    nanoCpus !== undefined &&
    (!Number.isFinite(nanoCpus) || nanoCpus < BILLION / 100 || nanoCpus > host.cpus * BILLION)
  ) {
    throw new HullError(
      'invalid-argument',
      `Range of CPUs is from 0.01 to ${host.cpus}.00, as there are only ${host.cpus} CPUs available`,
    );
  }
  if (pidsLimit !== undefined && !Number.isInteger(pidsLimit)) {
    throw new HullError('invalid-argument', `the limit of processes (${pidsLimit}) is not a whole number`);
  }
}

/** VMs need room for a kernel. */
export function checkIsolationMemory(isolation: Isolation, memory: number | undefined): void {
  if (isolation !== 'vm' || memory === undefined || memory >= MINIMUM_VM_MEMORY) return;
  throw new HullError(
    'invalid-argument',
    `a VM needs at least 64MiB of memory for its kernel; ${readable(memory)} were asked for`,
  );
}

function checkMemory(memory: number, host: HostSize): void {
  if (!Number.isInteger(memory) || memory < MINIMUM_MEMORY) {
    throw new HullError(
      'invalid-argument',
      `Minimum memory limit allowed is 6MB, and ${readable(memory)} were asked for`,
    );
  }
  if (memory > host.memory) {
    throw new HullError(
      'invalid-argument',
      `${readable(memory)} of memory were asked for, but this host has ${readable(host.memory)}; ask for less`,
    );
  }
}

/** Rounded down, so that what is too much never looks as if it fitted: `512MiB`, `23.5GiB`, `12 bytes`. */
function readable(bytes: number): string {
  const power = Math.min(3, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  const unit = ['', 'KiB', 'MiB', 'GiB'][power] ?? '';
  return unit === '' ? `${bytes} bytes` : `${Math.floor((bytes / 1024 ** power) * 10) / 10}${unit}`;
}
