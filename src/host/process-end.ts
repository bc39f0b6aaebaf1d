import { dlopen, FFIType } from 'bun:ffi';
import { constants } from 'node:os';

const { i32, u64 } = FFIType;
const PR_SET_PDEATHSIG = 1;

/** This process ends when the one that started it does, however that ends. */
export function endWithParent(): void {
  const { prctl } = dlopen('libc.so.6', {
    prctl: { args: [i32, u64, u64, u64, u64], returns: i32 },
  }).symbols;
  prctl(PR_SET_PDEATHSIG, BigInt(constants.signals.SIGKILL), 0n, 0n, 0n);
}
