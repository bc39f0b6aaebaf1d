import type { OciSeccomp } from './seccomp.ts';

/**
 * System calls that are younger than libraries that are in use, by number: since Linux 5.1 the same on every architecture (include/uapi/asm-generic/
 * unistd.h). All that the default profile names, up to the newest.
 */
const NEWER: ReadonlyMap<string, number> = new Map([
  ['statmount', 457],
  ['listmount', 458],
  ['lsm_get_self_attr', 459],
  ['lsm_set_self_attr', 460],
  ['lsm_list_modules', 461],
  ['mseal', 462],
  ['setxattrat', 463],
  ['getxattrat', 464],
  ['listxattrat', 465],
  ['removexattrat', 466],
]);
const NEWEST = 466;
/** Calls of the x32 interface have this bit; what a tracer skips is -1. */
const X32 = 0x40000000;

const LOAD_WORD = 0x20;
const JUMP = 0x05;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_GREATER = 0x25;
const JUMP_IF_AT_LEAST = 0x35;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const ENOSYS = 0x00050000 | 38;

/**
 * Puts in front of a compiled filter what its library did not know (`unknown`): names that the rules allow are allowed by number, and what is newer than
 * all that the profile knows does not exist (ENOSYS), as runc has it, so that programs fall back to what they did before; EPERM would be an answer.
 */
export function withNewerCalls(
  program: Uint8Array,
  rules: OciSeccomp,
  unknown: readonly string[],
): Uint8Array {
  const allowed = unknown.flatMap((name) => {
    const number = NEWER.get(name);
    const isAllowed = rules.syscalls.some(
      ({ names, action, args }) => action === 'SCMP_ACT_ALLOW' && args === undefined && names.includes(name),
    );
    return number !== undefined && isAllowed ? [number] : [];
  });
  const count = allowed.length;
  const prologue: readonly (readonly [code: number, whenTrue: number, whenFalse: number, value: number])[] = [
    // seccomp_data.nr
    [LOAD_WORD, 0, 0, 0],
    [JUMP_IF_AT_LEAST, count + 4, 0, X32],
    [JUMP_IF_GREATER, count + 1, 0, NEWEST],
    ...allowed.map((number, at) => [JUMP_IF_EQUAL, count - at + 1, 0, number] as const),
    [JUMP, 0, 0, 2],
    [RETURN, 0, 0, ENOSYS],
    [RETURN, 0, 0, ALLOW],
  ];
  return Buffer.concat([...prologue.map(instruction), program]);
}

/** `struct sock_filter` (linux/filter.h). */
function instruction([code, whenTrue, whenFalse, value]: readonly [
  number,
  number,
  number,
  number,
]): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, true);
  view.setUint8(2, whenTrue);
  view.setUint8(3, whenFalse);
  view.setUint32(4, value, true);
  return bytes;
}
