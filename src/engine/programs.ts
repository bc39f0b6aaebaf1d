import type { Exec } from '../host/host.ts';
import type { ProgramVersion } from './api/system.ts';

const PROGRAMS = ['conmon', 'crun', 'runc', 'runsc', 'qemu-system-x86_64', 'qemu-system-aarch64'] as const;
const PATIENCE = 5_000;

/** Versions of the programs that carry instances, of those that are installed. Asked once. */
export class Programs {
  readonly #exec: Exec;
  #found: Promise<readonly ProgramVersion[]> | null = null;

  constructor(exec: Exec) {
    this.#exec = exec;
  }

  versions(): Promise<readonly ProgramVersion[]> {
    this.#found ??= Promise.all(PROGRAMS.map((name) => this.#ask(name))).then((all) => all.flat());
    return this.#found;
  }

  async #ask(name: string): Promise<readonly ProgramVersion[]> {
    if (this.#exec.which(name) === null) return [];
    try {
      const { stdout } = await this.#exec.run([name, '--version'], { timeout: PATIENCE });
      return [{ name, ...parseVersion(stdout) }];
    } catch {
      return [];
    }
  }
}

/** `crun version 1.8.1\ncommit: f8a096be…`: the version and, where it is told, the commit. */
function parseVersion(text: string): { version: string; commit: string } {
  const version = /\bversion (\S+)/.exec(text)?.[1] ?? '';
  const commit = /^commit: *(\S+)/m.exec(text)?.[1] ?? '';
  return { version, commit: commit === 'unknown' ? '' : commit };
}
