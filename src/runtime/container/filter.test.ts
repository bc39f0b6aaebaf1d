import { expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { compileFilter } from '../../host/seccomp-filter.ts';
import { DEFAULT_CAPABILITIES } from '../capabilities.ts';
import { defaultProfile } from './default-profile.ts';
import { FilterStore } from './filter-store.ts';
import { withNewerCalls } from './newer-calls.ts';
import { type OciSeccomp, resolveSeccomp } from './seccomp.ts';

const ALLOW = 0x7fff0000;
const failing = (errno: number): number => 0x00050000 | errno;
const [EPERM, ENOSYS] = [failing(1), failing(38)];
const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const X32 = 0x40000000;
const noLibrary = !['x86_64-linux-gnu', 'aarch64-linux-gnu'].some((triple) =>
  ['/lib', '/usr/lib'].some((folder) => existsSync(`${folder}/${triple}/libseccomp.so.2`)),
);

/** What the kernel does with a classic BPF program over `struct seccomp_data` (seccomp(2)): of the instructions, those that filters use. */
function judge(program: Uint8Array, call: { nr: number; arch: number; args?: readonly number[] }): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setInt32(0, call.nr | 0, true);
  data.setUint32(4, call.arch, true);
  for (const [at, value] of (call.args ?? []).entries()) data.setBigUint64(16 + at * 8, BigInt(value), true);
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  let accumulator = 0;
  for (let at = 0; at * 8 < program.byteLength; at += 1) {
    const [code, value] = [view.getUint16(at * 8, true), view.getUint32(at * 8 + 4, true)];
    const jump = (holds: boolean): void => void (at += view.getUint8(at * 8 + (holds ? 2 : 3)));
    if (code === 0x20) accumulator = data.getUint32(value, true);
    else if (code === 0x54) accumulator = (accumulator & value) >>> 0;
    else if (code === 0x05) at += value;
    else if (code === 0x15) jump(accumulator === value);
    else if (code === 0x25) jump(accumulator > value);
    else if (code === 0x35) jump(accumulator >= value);
    else if (code === 0x06) return value;
    else throw new Error(`instruction ${at}: code ${code}`);
  }
  throw new Error('the program does not return');
}

const resolved = (capabilities: readonly string[]): OciSeccomp =>
  resolveSeccomp(defaultProfile(), { capabilities, architecture: 'x64', kernel: '6.12.0' });

/** By their numbers on x86-64: what is allowed, and what is not. */
test.skipIf(noLibrary || process.arch !== 'x64')('the compiled filter judges as the rules say', () => {
  const folder = mkdtempSync(`${tmpdir()}/filter-`);
  try {
    const rules = resolved(DEFAULT_CAPABILITIES);
    const compiled = compileFilter(rules, folder);
    if (compiled === null) throw new Error('libseccomp did not compile the default profile');
    const program = withNewerCalls(compiled.program, rules, compiled.unknown);
    const of = (nr: number, ...args: number[]): number => judge(program, { nr, arch: X86_64, args });
    expect([of(0), of(59), of(57), of(452)]).toEqual([ALLOW, ALLOW, ALLOW, ALLOW]);
    // unshare, setns, keyctl, mount, bpf, io_uring_setup, mount_setattr, clone3.
    const refused = [272, 308, 250, 165, 321, 425, 442].map((nr) => of(nr, 0x10000000));
    expect(refused).toEqual(refused.map(() => EPERM));
    expect(of(435)).toBe(ENOSYS);
    expect([
      of(56, 17),
      of(56, 0x10000000),
      of(41, 2),
      of(41, 38),
      of(41, 39),
      of(41, 40),
      of(41, 41),
    ]).toEqual([...[ALLOW, EPERM, ALLOW, EPERM, ALLOW, EPERM, ALLOW]]);
    // statmount, listmount, mseal, the four of extended attributes; lsm_…; what came after, or will.
    expect([457, 458, 462, 463, 464, 465, 466].map((nr) => of(nr))).toEqual(Array(7).fill(ALLOW));
    expect([459, 460, 461].map((nr) => of(nr))).toEqual(Array(3).fill(EPERM));
    expect([467, 469, 1000, X32 - 1].map((nr) => of(nr))).toEqual(Array(4).fill(ENOSYS));
    expect([of(X32 | 467), of(X32), judge(program, { nr: 462, arch: I386 })]).toEqual([EPERM, ALLOW, ALLOW]);
    expect(judge(program, { nr: 288, arch: I386 })).toBe(EPERM);
    const admin = resolved(['CAP_SYS_ADMIN']);
    const free = compileFilter(admin, folder);
    if (free === null) throw new Error('not compiled');
    const lsm = withNewerCalls(free.program, admin, free.unknown);
    expect([459, 460, 461, 272].map((nr) => judge(lsm, { nr, arch: X86_64 }))).toEqual(Array(4).fill(ALLOW));
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a filter is compiled once, and found again by the next daemon; a user’s own is learned', () => {
  const folder = mkdtempSync(`${tmpdir()}/filters-`);
  try {
    const rules = resolved([]);
    const own = new FilterStore(`${folder}/own`).find(rules, { isDefault: false });
    expect(own.data).toBeNull();
    if (noLibrary) return;
    const first = new FilterStore(`${folder}/made`).find(rules, { isDefault: true });
    expect(first.data).not.toBeNull();
    const store = new FilterStore(`${folder}/made`);
    expect(store.find(rules, { isDefault: true })).toEqual(first);
    store.learn(own.key, `${folder}/made/${first.key}`);
    expect(store.find(rules, { isDefault: false }).data).toBe(first.data);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('rules that the library does not take are left to the runtime', () => {
  const rules = { defaultAction: 'SCMP_ACT_ALLOW', architectures: [], syscalls: [] };
  const odd = [
    { ...rules, defaultAction: 'SCMP_ACT_NOTIFY' },
    {
      ...rules,
      syscalls: [{ names: ['read'], action: 'SCMP_ACT_ERRNO', args: [{ index: 0, value: 1, op: 'odd' }] }],
    },
    { ...rules, architectures: ['SCMP_ARCH_ODD'] },
  ];
  for (const one of odd) expect(compileFilter(one, tmpdir())).toBeNull();
});
