import { dlopen, FFIType } from 'bun:ffi';
import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { cString } from '../libc.ts';

const { i32, u32, pointer } = FFIType;

/**
 * Makes `depth` folders in each other below `root` (made where absent), by descriptor: paths may be as long as they like.
 * `name`: of each folder; default `d`. `beside`: a file of this name in each as well.
 */
export function makeDeepTree(
  root: string,
  depth: number,
  { name = 'd', beside }: { name?: string; beside?: string } = {},
): void {
  const { mkdirat, openat } = dlopen('libc.so.6', {
    mkdirat: { args: [i32, pointer, u32], returns: i32 },
    openat: { args: [i32, pointer, i32, u32], returns: i32 },
  }).symbols;
  const check = (result: number): number => {
    if (result < 0) throw new Error('the tree cannot be made');
    return result;
  };
  const bytes = cString(name);
  mkdirSync(root, { recursive: true });
  let folder = openSync(root, constants.O_RDONLY | constants.O_DIRECTORY);
  for (let i = 0; i < depth; i += 1) {
    check(mkdirat(folder, bytes, 0o755));
    if (beside !== undefined) closeSync(check(openat(folder, cString(beside), constants.O_CREAT, 0o644)));
    const next = check(openat(folder, bytes, constants.O_RDONLY | constants.O_DIRECTORY, 0));
    closeSync(folder);
    folder = next;
  }
  closeSync(folder);
}
