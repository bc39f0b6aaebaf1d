import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { Retries } from '../lib/retries.ts';
import { messageOf } from '../model/errors.ts';
import type { LayerInfo } from '../model/image.ts';
import type { RootStorageParts } from './instance-roots.ts';
import type { LayerClaims } from './layer-store.ts';
import { asStorage, storageError } from './storage-error.ts';

/**
 * Roots that live as long as one callback: build steps, disks being made. Mounted at `RUN/build/NAME`. One that cannot be unmounted is told in the
 * log, found by the inventory, and unmounted with backoff; it keeps its layers until then.
 */
export class WorkingRoots {
  readonly #parts: Omit<RootStorageParts, 'disks'>;
  readonly #active = new Set<string>();
  readonly #retries: Retries;

  constructor(parts: Omit<RootStorageParts, 'disks'>) {
    this.#parts = parts;
    this.#retries = new Retries((path, error) => this.#tell(path, error));
  }

  /** Undoes what a crash left mounted. */
  async start(): Promise<void> {
    const { folders, host } = this.#parts;
    for (const entry of host.mounts.list()) {
      if (entry.target.startsWith(`${folders.scratchRoots}/`)) await host.mounts.unmount(entry.target);
    }
    for (const name of readdirSync(folders.scratchRoots)) rmdirSync(join(folders.scratchRoots, name));
  }

  /** Unmounts what is left, for the daemon's end: nothing is tried again. What cannot be unmounted now is the next daemon's. */
  end(): void {
    this.#retries.close();
    const { folders, host } = this.#parts;
    const left = existsSync(folders.scratchRoots) ? readdirSync(folders.scratchRoots) : [];
    for (const name of left) {
      const path = join(folders.scratchRoots, name);
      try {
        host.mounts.detach(path);
        rmdirSync(path);
      } catch (error) {
        this.#tell(path, error);
      }
    }
  }

  isActive(path: string): boolean {
    return this.#active.has(path);
  }

  async writable<T>(
    layers: readonly LayerInfo[],
    use: (root: { path: string; upper: string }) => Promise<T>,
    claims?: LayerClaims,
  ): Promise<{ result: T; layer: LayerInfo | null }> {
    const { folders, removals } = this.#parts;
    return await folders.withTemporary(removals, async (temporary) => {
      const [upper, work] = [join(temporary, 'upper'), join(temporary, 'work')];
      mkdirSync(temporary, { mode: 0o700 });
      mkdirSync(upper, { mode: 0o755 });
      mkdirSync(work, { mode: 0o700 });
      const result = await this.#mounted(layers, { upper, work }, (path) => use({ path, upper }));
      return { result, layer: await this.#parts.layers.adoptUpper(upper, claims) };
    });
  }

  async readOnly<T>(layers: readonly LayerInfo[], use: (path: string) => Promise<T>): Promise<T> {
    return await this.#mounted(layers, null, use);
  }

  /**
   * Folders for overlayfs, top-most first, as an image's layers are named bottom first. A layer that occurs twice counts where it is
   * highest, which gives the same tree; overlayfs refuses the same folder twice.
   */
  lower(layers: readonly LayerInfo[]): string[] {
    const topFirst = new Set(layers.map((layer) => layer.diffId).toReversed());
    const paths = [...topFirst].map((diffId) => this.#parts.layers.path(diffId));
    return paths.length === 0 ? [this.#parts.folders.empty] : paths;
  }

  async #mounted<T>(
    layers: readonly LayerInfo[],
    writable: { upper: string; work: string } | null,
    use: (path: string) => Promise<T>,
  ): Promise<T> {
    const { folders, host } = this.#parts;
    const path = join(folders.scratchRoots, folders.fresh());
    const release = this.#parts.layers.hold(layers.map((layer) => layer.diffId));
    this.#active.add(path);
    let left: unknown = null;
    let result: T;
    try {
      await asStorage('cannot mount layers', async () => {
        mkdirSync(path, { recursive: true, mode: 0o700 });
        const lower = this.lower(layers);
        // Without an upper folder overlayfs wants two lower ones.
        if (writable === null)
          host.mounts.overlay(path, {
            lower: lower.length > 1 ? lower : [...new Set([...lower, folders.empty])],
          });
        else host.mounts.overlay(path, { lower, ...writable, volatile: true });
      });
      result = await use(path);
    } finally {
      left = await this.#leave(path, release);
    }
    // What was read has been read; but never is a layer made of what is still mounted.
    if (left !== null && writable !== null) throw storageError(left, 'cannot unmount layers');
    return result;
  }

  /** Unmounts, whether the mount was heard of or not. Resolves to why not, when it is to be tried again; null when it is gone. */
  async #leave(path: string, release: () => void): Promise<unknown> {
    const unmount = async (): Promise<void> => {
      await this.#parts.host.mounts.unmount(path);
      if (existsSync(path)) rmdirSync(path);
      release();
    };
    try {
      await unmount();
      return null;
    } catch (error) {
      this.#tell(path, error);
      this.#retries.later(path, unmount);
      return error;
    } finally {
      this.#active.delete(path);
    }
  }

  #tell(path: string, error: unknown): void {
    this.#parts.log?.(`unmounting ${path} failed: ${messageOf(error)}`);
  }
}
