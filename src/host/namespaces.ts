import { closeSync, openSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import type { Namespaces } from './host.ts';
import { cString, Libc, SyscallError } from './libc.ts';

const CLONE_NEWNET = 0x4000_0000;
const MS_BIND = 4096;
const MNT_DETACH = 2;

/** Network namespaces pinned by bind mounts of nsfs files. */
export class LinuxNamespaces implements Namespaces {
  readonly #libc: Libc;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  createNet(path: string): void {
    // First what may be refused for want of descriptors: nothing is made by then.
    const home = openSync('/proc/thread-self/ns/net', 'r');
    try {
      closeSync(openSync(path, 'wx', 0o600));
      this.#pin(path, home);
    } finally {
      closeSync(home);
    }
  }

  removeNet(path: string): Promise<void> {
    if (this.#libc.symbols.umount2(cString(path), MNT_DETACH) !== 0) {
      const errno = this.#libc.errno();
      if (errno !== constants.errno.EINVAL && errno !== constants.errno.ENOENT)
        return Promise.reject(new SyscallError('umount2', errno, path));
    }
    rmSync(path, { force: true });
    return Promise.resolve();
  }

  enterNet(path: string): readonly string[] {
    return ['nsenter', `--net=${path}`];
  }

  #pin(path: string, home: number): void {
    try {
      // The thread leaves its network namespace only within these lines: nothing else runs on it in between.
      this.#libc.check('unshare', this.#libc.symbols.unshare(CLONE_NEWNET), 'network namespace');
      const pinned = this.#libc.symbols.mount(
        cString('/proc/thread-self/ns/net'),
        cString(path),
        cString(''),
        BigInt(MS_BIND),
        null,
      );
      const errno = pinned === 0 ? 0 : this.#libc.errno();
      this.#libc.check('setns', this.#libc.symbols.setns(home, CLONE_NEWNET), 'network namespace');
      if (pinned !== 0) throw new SyscallError('mount', errno, path);
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  }
}
