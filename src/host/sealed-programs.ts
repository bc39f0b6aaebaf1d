import { closeSync, constants, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { dlopen, FFIType } from 'bun:ffi';
import { cString } from './libc.ts';

/** memfd_create(2), fcntl(2). */
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** Seal, shrink, grow, write: nobody can change the copy any more, whoever gets hold of it. */
const ALL_SEALS = 0b1111;

interface SealedCopy {
  readonly descriptor: number;
  /** Of the file that was copied: another one after an upgrade. */
  readonly stamp: string;
}

/**
 * Programs as sealed copies in memory. An OCI runtime that finds itself not sealed makes such a copy of itself, and executes that, each time it
 * is run: it must not be possible for a container to write to the runtime's file through /proc/self/exe (CVE-2019-5736). One copy for all runs gives
 * the same protection and spares 1.5 of 8 ms.
 */
export class SealedPrograms {
  readonly #symbols = dlopen('libc.so.6', {
    memfd_create: { args: [FFIType.pointer, FFIType.u32], returns: FFIType.i32 },
    fcntl: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  }).symbols;
  readonly #copies = new Map<string, SealedCopy>();

  /** A path that runs `program` (absolute) from a sealed copy while this process lives; `program` itself where the kernel cannot seal. */
  path(program: string): string {
    const { ino, mtimeMs, size } = statSync(program);
    const stamp = `${ino} ${mtimeMs} ${size}`;
    const known = this.#copies.get(program);
    if (known?.stamp === stamp) return pathOf(known.descriptor);
    const descriptor = this.#copy(program);
    if (descriptor === null) return program;
    if (known !== undefined) closeSync(known.descriptor);
    this.#copies.set(program, { descriptor, stamp });
    return pathOf(descriptor);
  }

  #copy(program: string): number | null {
    const made = this.#symbols.memfd_create(cString('program'), MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (made < 0) return null;
    try {
      const content = readFileSync(program);
      for (let at = 0; at < content.length;) at += writeSync(made, content, at);
      if (this.#symbols.fcntl(made, F_ADD_SEALS, ALL_SEALS) !== 0) return null;
      // A descriptor that can write would make the kernel refuse to execute the file.
      return openSync(pathOf(made), constants.O_RDONLY);
    } finally {
      closeSync(made);
    }
  }
}

const pathOf = (descriptor: number): string => `/proc/${process.pid}/fd/${descriptor}`;
