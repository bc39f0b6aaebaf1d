import { existsSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Host } from '../host/host.ts';
import { KeyedLock } from '../lib/keyed-lock.ts';
import type { DataFolders } from './data-folders.ts';
import type { PrepareOptions } from './storage.ts';

export interface MountedRootsParts {
  readonly host: Host;
  readonly folders: DataFolders;
}

/**
 * Mounted roots of containers, `RUN/rootfs/ID` over `DATA/instances/ID/{upper,work}`. A run uses one, and so may those who look after its
 * files meanwhile or without a run: it stays for as long as anyone does. Never is the same upper folder mounted twice.
 */
export class MountedRoots {
  readonly #parts: MountedRootsParts;
  readonly #lock = new KeyedLock();
  readonly #mounted = new Set<string>();
  /** Those that a run uses. */
  readonly #runs = new Set<string>();
  /** How many hold one beside its run. */
  readonly #holders = new Map<string, number>();
  /**
   * Roots that a former daemon mounted. They are used as they are: a second mount over the first would share its upper folder, and outlive it.
   * Each may have been unmounted as a leak since.
   */
  readonly #inherited = new Set<string>();

  constructor(parts: MountedRootsParts) {
    this.#parts = parts;
  }

  /** Learns which roots are mounted. */
  start(): void {
    for (const { target } of this.#parts.host.mounts.list())
      if (dirname(target) === this.#parts.folders.roots) this.#inherited.add(basename(target));
  }

  /** Mounts a root for a run; the same again where it is mounted. */
  async mount(id: string, lower: readonly string[], options: PrepareOptions): Promise<string> {
    return await this.#lock.run(id, () => {
      const path = this.#mount(id, lower, options);
      this.#runs.add(id);
      return Promise.resolve(path);
    });
  }

  /** The run is over. */
  async release(id: string): Promise<void> {
    await this.#lock.run(id, async () => {
      this.#runs.delete(id);
      if (!this.#holders.has(id)) await this.#unmount(id);
    });
  }

  /** Keeps a root mounted until `release` is called. */
  async hold(
    id: string,
    lower: readonly string[],
    options: PrepareOptions,
  ): Promise<{ path: string; release: () => Promise<void> }> {
    return await this.#lock.run(id, () => {
      const path = this.#mount(id, lower, options);
      this.#holders.set(id, (this.#holders.get(id) ?? 0) + 1);
      return Promise.resolve({ path, release: () => this.#letGo(id) });
    });
  }

  /** Unmounts whoever may use it: the instance goes. */
  async forget(id: string): Promise<void> {
    await this.#lock.run(id, async () => {
      this.#runs.delete(id);
      await this.#unmount(id);
    });
  }

  async #letGo(id: string): Promise<void> {
    await this.#lock.run(id, async () => {
      const left = (this.#holders.get(id) ?? 1) - 1;
      if (left > 0) this.#holders.set(id, left);
      else this.#holders.delete(id);
      if (left <= 0 && !this.#runs.has(id)) await this.#unmount(id);
    });
  }

  async #unmount(id: string): Promise<void> {
    const target = this.#target(id);
    if (existsSync(target)) await this.#parts.host.mounts.unmount(target);
    this.#mounted.delete(id);
    if (existsSync(target)) rmdirSync(target);
  }

  /** Without a spawn or a sync: this is on the way of every start. */
  #mount(id: string, lower: readonly string[], { ephemeral }: PrepareOptions): string {
    const { host, folders } = this.#parts;
    const target = this.#target(id);
    if (this.#inherited.delete(id) && host.mounts.list().some((entry) => entry.target === target))
      this.#mounted.add(id);
    if (this.#mounted.has(id)) return target;
    const folder = join(folders.instances, id);
    const [upper, work] = [join(folder, 'upper'), join(folder, 'work')];
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const fresh = mkdirSync(upper, { recursive: true, mode: 0o755 }) !== undefined;
    try {
      // By this many programs find out that they run in a container.
      if (fresh) writeFileSync(join(upper, '.dockerenv'), '', { mode: 0o755 });
      mkdirSync(work, { recursive: true, mode: 0o700 });
      mkdirSync(target, { recursive: true, mode: 0o700 });
      // Overlayfs leaves this mark when a volatile mount ends, and refuses to mount again: the host might have crashed. It has not.
      if (!fresh) rmSync(join(work, 'work/incompat'), { recursive: true, force: true });
      host.mounts.overlay(target, { lower, upper, work, volatile: ephemeral });
    } catch (error) {
      // Never through the mount: what is below it is the instance's.
      host.mounts.detach(target);
      if (existsSync(target)) rmdirSync(target);
      if (fresh) rmSync(folder, { recursive: true, force: true });
      throw error;
    }
    this.#mounted.add(id);
    return target;
  }

  #target(id: string): string {
    return join(this.#parts.folders.roots, id);
  }
}
