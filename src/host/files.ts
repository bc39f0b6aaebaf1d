import { closeSync, constants as fsConstants, openSync } from 'node:fs';
import { open, rename, rm, statfs, unlink } from 'node:fs/promises';
import { constants } from 'node:os';
import { basename, dirname, posix } from 'node:path';
import { HullError } from '../model/errors.ts';
import type { Exec, Files } from './host.ts';
import { cString, Libc, SyscallError } from './libc.ts';

const SYS_OPENAT2 = 437n;
const AT_FDCWD = -100;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_IN_ROOT = 0x10n;
const S_IFIFO = 0o010000;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;

/** Durable writes, and paths resolved by descriptor. */
export class LinuxFiles implements Files {
  readonly #libc: Libc;
  readonly #exec: Exec;
  #sequence = 0;

  constructor(libc: Libc, exec: Exec) {
    this.#libc = libc;
    this.#exec = exec;
  }

  async writeDurable(path: string, data: string | Uint8Array, mode = 0o600): Promise<void> {
    const temporary = `${dirname(path)}/.${basename(path)}.${process.pid}.${this.#sequence++}.tmp`;
    try {
      const file = await open(temporary, 'wx', mode);
      try {
        await file.writeFile(data);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
    await this.fsync(dirname(path));
  }

  async fsync(path: string): Promise<void> {
    const file = await open(path, 'r');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async syncFilesystem(path: string): Promise<void> {
    // sync(1) off the event loop: a syncfs of a slow disk takes seconds.
    await this.#exec.must(['sync', '-f', path], { timeout: 600_000 });
  }

  async removeTree(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true, maxRetries: 2 });
  }

  async space(path: string): Promise<{ free: number; total: number }> {
    const facts = await statfs(path);
    return { free: facts.bavail * facts.bsize, total: facts.blocks * facts.bsize };
  }

  openInRoot(root: string, path: string, flags: number, mode = 0): number {
    const folder = openSync(root, O_PATH | fsConstants.O_DIRECTORY);
    try {
      return this.#openAt(folder, path, flags, mode);
    } catch (error) {
      if (error instanceof SyscallError && error.errno === constants.errno.ENOENT) {
        throw new HullError('path-not-found', `no such file or folder: ${path}`, { cause: error });
      }
      throw error;
    } finally {
      closeSync(folder);
    }
  }

  makeFifo(path: string): void {
    this.#libc.check('mknod', this.#libc.symbols.mknod(cString(path), S_IFIFO | 0o600, 0n), path);
  }

  mkdirInRoot(root: string, path: string, mode: number): void {
    let parent = openSync(root, O_PATH | fsConstants.O_DIRECTORY);
    try {
      let sofar = '';
      for (const name of posix
        .normalize(`/${path}`)
        .split('/')
        .filter((part) => part !== '')) {
        sofar += `/${name}`;
        const made = this.#libc.symbols.mkdirat(parent, cString(name), mode);
        if (made !== 0 && this.#libc.errno() !== constants.errno.EEXIST)
          throw new SyscallError('mkdirat', this.#libc.errno(), sofar);
        // From the root again, so that a link in between is followed inside the root.
        const next = this.openInRoot(root, sofar, O_PATH | fsConstants.O_DIRECTORY);
        closeSync(parent);
        parent = next;
      }
    } finally {
      closeSync(parent);
    }
  }

  #openAt(folder: number, path: string, flags: number, mode: number): number {
    const how = new BigUint64Array([
      BigInt(flags | O_CLOEXEC),
      BigInt(mode),
      RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    ]);
    const name = cString(path === '' ? '.' : path);
    const result = this.#libc.symbols.syscall(SYS_OPENAT2, BigInt(folder), name, how, BigInt(how.byteLength));
    return this.#libc.check('openat2', result, path);
  }
}

export { AT_FDCWD, O_PATH };
