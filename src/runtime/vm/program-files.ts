import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Exec } from '../../host/host.ts';
import type { JailPlace } from './jail.ts';

/** Firmware and option ROMs, where distributions put them. */
const FIRMWARE = ['/usr/share/qemu', '/usr/share/seabios', '/usr/share/seavgabios'];
/** QEMU's loadable parts that a VM without display, sound and USB may need. */
const MODULE = /^accel-.*\.so$/;
/** By which the dynamic loader finds libraries outside its standard folders. */
const LOADER_CACHE = '/etc/ld.so.cache';

/** What a program needs to run: itself, its libraries, and QEMU's firmware. Asked of the dynamic loader once for each version of the program. */
export class ProgramFiles {
  readonly #exec: Exec;
  readonly #known = new Map<string, Promise<readonly JailPlace[]>>();

  constructor(exec: Exec) {
    this.#exec = exec;
  }

  /** `program`: an absolute path. */
  of(program: string): Promise<readonly JailPlace[]> {
    const { mtimeMs, size, ino } = statSync(program);
    const key = `${program} ${mtimeMs} ${size} ${ino}`;
    const known = this.#known.get(key) ?? this.#find(program);
    this.#known.set(key, known);
    known.catch(() => this.#known.delete(key));
    return known;
  }

  async #find(program: string): Promise<readonly JailPlace[]> {
    const libraries = await this.#libraries(program);
    const isQemu = /\/qemu-system-[^/]+$/.test(program);
    const modules = isQemu ? modulesBeside(libraries) : [];
    const theirs = await Promise.all(modules.map((module) => this.#libraries(module)));
    const firmware = isQemu ? FIRMWARE : [];
    const paths = new Set([program, ...libraries, ...modules, ...theirs.flat(), ...firmware, LOADER_CACHE]);
    return [...paths].filter((path) => existsSync(path)).map((path) => ({ source: path, at: path }));
  }

  async #libraries(program: string): Promise<string[]> {
    // A program without any has nothing to list, which ldd counts as a failure.
    const { stdout } = await this.#exec.run(['ldd', program]);
    return parseLibraries(stdout);
  }
}

/** The files of ldd(1)'s answer: `NAME => PATH (ADDRESS)`, or `PATH (ADDRESS)` for the loader itself. */
function parseLibraries(text: string): string[] {
  return [...text.matchAll(/^\s*(?:\S+ => )?(\/.*) \(0x[0-9a-f]+\)$/gm)].map((match) => match[1] ?? '');
}

/** In `qemu/`, beside the libraries. */
function modulesBeside(libraries: readonly string[]): string[] {
  const folders = new Set(libraries.map((path) => `${dirname(path).replace(/^\/lib/, '/usr/lib')}/qemu`));
  return [...folders].flatMap((folder) =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => MODULE.test(name))
          .map((name) => `${folder}/${name}`)
      : [],
  );
}
