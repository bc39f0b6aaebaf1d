import { closeSync, constants as fsConstants, openSync } from 'node:fs';
import { cString, Libc } from './libc.ts';

const SYS_OPENAT2 = 437n;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_BENEATH = 0x08n;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;

/**
 * openat2(2) with RESOLVE_BENEATH: a handle (O_PATH) on what `path` names below `root`. Links are followed, but one that leads out is an error
 * (EXDEV), at whatever moment it is put there. Throws a SyscallError. The caller closes the descriptor.
 */
export function openBelow(root: string, path: string, libc: Libc = new Libc()): number {
  const folder = openSync(root, O_PATH | fsConstants.O_DIRECTORY);
  try {
    const how = new BigUint64Array([BigInt(O_PATH | O_CLOEXEC), 0n, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS]);
    const name = cString(path);
    const result = libc.symbols.syscall(SYS_OPENAT2, BigInt(folder), name, how, BigInt(how.byteLength));
    return libc.check('openat2', result, path);
  } finally {
    closeSync(folder);
  }
}
