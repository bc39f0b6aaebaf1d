import { dlopen, FFIType } from 'bun:ffi';
import { cString, Libc } from './libc.ts';

const { i32, u32, pointer } = FFIType;
const AT_FDCWD = -100;
const RENAME_EXCHANGE = 2;

/** Two paths of one file system change places in one step: nobody ever sees either missing. */
export function exchangePaths(one: string, other: string): void {
  const { symbols } = dlopen('libc.so.6', {
    renameat2: { args: [i32, pointer, i32, pointer, u32], returns: i32 },
  });
  const result = symbols.renameat2(AT_FDCWD, cString(one), AT_FDCWD, cString(other), RENAME_EXCHANGE);
  new Libc().check('renameat2', result, `${one} and ${other}`);
}
