import { dlopen, FFIType, ptr } from 'bun:ffi';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cString } from './libc.ts';

/** A filter of system calls: `linux.seccomp` of the OCI runtime specification, in its words. */
export interface FilterRules {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly {
    readonly names: readonly string[];
    readonly action: string;
    readonly errnoRet?: number;
    readonly args?: readonly { index: number; value: number; valueTwo?: number; op: string }[];
  }[];
}

export interface CompiledFilter {
  /** `struct sock_filter`, eight bytes each (linux/filter.h). */
  readonly program: Uint8Array;
  /** Names that this host's library does not know: no rule was made of them. */
  readonly unknown: readonly string[];
}

const SYMBOLS = {
  seccomp_init: { args: [FFIType.u32], returns: FFIType.ptr },
  seccomp_arch_resolve_name: { args: [FFIType.ptr], returns: FFIType.u32 },
  seccomp_arch_add: { args: [FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
  seccomp_syscall_resolve_name: { args: [FFIType.ptr], returns: FFIType.i32 },
  seccomp_rule_add_array: {
    args: [FFIType.ptr, FFIType.u32, FFIType.i32, FFIType.u32, FFIType.ptr],
    returns: FFIType.i32,
  },
  seccomp_export_bpf: { args: [FFIType.ptr, FFIType.i32], returns: FFIType.i32 },
  seccomp_release: { args: [FFIType.ptr], returns: FFIType.void },
} as const;

const EPERM = 1;
const EEXIST = 17;
const UNKNOWN_CALL = -1;
/** `enum scmp_compare` (seccomp.h). */
const COMPARISONS = ['', 'NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'].map((name) => `SCMP_CMP_${name}`);
/** Bytes of `struct scmp_arg_cmp`: two numbers of 32 bits, two of 64. */
const COMPARISON_SIZE = 24;

/**
 * Compiles a filter with libseccomp(3), as crun does, to the byte: it takes some 20 ms, so for profiles of ours alone. Null where the library is not
 * there, or the rules are none that it takes.
 */
export function compileFilter(rules: FilterRules, scratch: string): CompiledFilter | null {
  let library;
  try {
    library = dlopen('libseccomp.so.2', SYMBOLS);
  } catch {
    return null;
  }
  try {
    return new Compiler(library.symbols, rules).compile(scratch);
  } catch (error) {
    if (error instanceof RefusedRule) return null;
    throw error;
  } finally {
    library.close();
  }
}

type Library = ReturnType<typeof dlopen<typeof SYMBOLS>>['symbols'];

class RefusedRule extends Error {
  override readonly name = 'RefusedRule';
}

class Compiler {
  readonly #library: Library;
  readonly #rules: FilterRules;

  constructor(library: Library, rules: FilterRules) {
    this.#library = library;
    this.#rules = rules;
  }

  compile(scratch: string): CompiledFilter {
    const { defaultAction, defaultErrnoRet } = this.#rules;
    const context = this.#library.seccomp_init(actionOf(defaultAction, defaultErrnoRet));
    if (context === null) throw new RefusedRule('seccomp_init');
    try {
      for (const architecture of this.#rules.architectures) {
        const name = architecture.replace(/^SCMP_ARCH_/, '').toLowerCase();
        const token = this.#library.seccomp_arch_resolve_name(ptr(cString(name)));
        if (token === 0) throw new RefusedRule(architecture);
        check(this.#library.seccomp_arch_add(context, token), [0, -EEXIST]);
      }
      const unknown = this.#rules.syscalls.flatMap((rule) =>
        rule.names.filter((name) => !this.#add(context, name, rule)),
      );
      return { program: this.#export(context, scratch), unknown };
    } finally {
      this.#library.seccomp_release(context);
    }
  }

  /** False for a name that the library does not know. */
  #add(
    context: NonNullable<ReturnType<Library['seccomp_init']>>,
    name: string,
    { action, errnoRet, args = [] }: FilterRules['syscalls'][number],
  ): boolean {
    const call = this.#library.seccomp_syscall_resolve_name(ptr(cString(name)));
    if (call === UNKNOWN_CALL) return false;
    const code = actionOf(action, errnoRet);
    check(
      this.#library.seccomp_rule_add_array(context, code, call, args.length, ptr(comparisons(args))),
      [0],
    );
    return true;
  }

  /** The library writes to a descriptor. */
  #export(context: NonNullable<ReturnType<Library['seccomp_init']>>, scratch: string): Uint8Array {
    const folder = mkdtempSync(join(scratch, 'filter-'));
    try {
      const path = join(folder, 'bpf');
      const descriptor = openSync(path, 'wx', 0o600);
      try {
        check(this.#library.seccomp_export_bpf(context, descriptor), [0]);
      } finally {
        closeSync(descriptor);
      }
      return readFileSync(path);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function check(result: number, fine: readonly number[]): void {
  if (!fine.includes(result)) throw new RefusedRule(`libseccomp: ${result}`);
}

/** `SECCOMP_RET_…` (linux/seccomp.h). */
function actionOf(name: string, errno = EPERM): number {
  if (name === 'SCMP_ACT_ALLOW') return 0x7fff0000;
  if (name === 'SCMP_ACT_ERRNO') return 0x00050000 | (errno & 0xffff);
  throw new RefusedRule(name);
}

function comparisons(args: NonNullable<FilterRules['syscalls'][number]['args']>): Uint8Array {
  const bytes = new Uint8Array(COMPARISON_SIZE * Math.max(1, args.length));
  const view = new DataView(bytes.buffer);
  for (const [at, { index, op, value, valueTwo = 0 }] of args.entries()) {
    const code = COMPARISONS.indexOf(op);
    if (code < 1) throw new RefusedRule(op);
    view.setUint32(at * COMPARISON_SIZE, index, true);
    view.setUint32(at * COMPARISON_SIZE + 4, code, true);
    view.setBigUint64(at * COMPARISON_SIZE + 8, BigInt(value), true);
    view.setBigUint64(at * COMPARISON_SIZE + 16, BigInt(valueTwo), true);
  }
  return bytes;
}
