import { HullError } from '../../model/errors.ts';
import type { IsolationTraits } from '../../runtime/traits.ts';

/** How big the host is. */
export interface HostSize {
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Docker's rule for names. */
export function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new HullError(
    'invalid-argument',
    `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );
}

/** Refuses less memory (bytes) than the isolation needs. */
export function checkIsolationMemory({ minMemory }: IsolationTraits, memory: number | undefined): void {
  if (minMemory === null || memory === undefined || memory >= minMemory.bytes) return;
  throw new HullError('invalid-argument', `${minMemory.reason}; ${readable(memory)} were asked for`);
}

/** Rounded down, so that what is too much never looks as if it fitted: `512MiB`, `23.5GiB`, `12 bytes`. */
function readable(bytes: number): string {
  const power = Math.min(3, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  const unit = ['', 'KiB', 'MiB', 'GiB'][power] ?? '';
  return unit === '' ? `${bytes} bytes` : `${Math.floor((bytes / 1024 ** power) * 10) / 10}${unit}`;
}
