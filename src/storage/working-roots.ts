import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { Rollback } from '../lib/rollback.ts';
import type { LayerInfo } from '../model/image.ts';
import type { RootStorageParts } from './instance-roots.ts';
import type { LayerClaims } from './layer-store.ts';
import { asStorage } from './storage-error.ts';

/** Roots that live as long as one callback: build steps, disks being made. Mounted at `RUN/build/NAME`. */
export class WorkingRoots {
  readonly #parts: Omit<RootStorageParts, 'disks'>;
  readonly #active = new Set<string>();

  constructor(parts: Omit<RootStorageParts, 'disks'>) {
    this.#parts = parts;
  }

  /** Undoes what a crash left mounted. */
  async start(): Promise<void> {
    const { folders, host } = this.#parts;
    for (const entry of host.mounts.list()) {
      if (entry.target.startsWith(`${folders.scratchRoots}/`)) await host.mounts.unmount(entry.target);
    }
    for (const name of readdirSync(folders.scratchRoots)) rmdirSync(join(folders.scratchRoots, name));
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
    const undo = new Rollback();
    undo.defer('forget the root', () => {
      this.#active.delete(path);
      release();
    });
    try {
      await asStorage('cannot mount layers', async () => {
        mkdirSync(path, { recursive: true, mode: 0o700 });
        undo.defer('remove the mount point', () => rmdirSync(path));
        const lower = this.lower(layers);
        // Without an upper folder overlayfs wants two lower ones.
        if (writable === null)
          host.mounts.overlay(path, {
            lower: lower.length > 1 ? lower : [...new Set([...lower, folders.empty])],
          });
        else host.mounts.overlay(path, { lower, ...writable, volatile: true });
        undo.defer('unmount the root', () => host.mounts.unmount(path));
      });
      return await use(path);
    } finally {
      await undo[Symbol.asyncDispose]();
    }
  }
}
