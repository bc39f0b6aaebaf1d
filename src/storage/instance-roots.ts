import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Host } from '../host/host.ts';
import { Rollback } from '../lib/rollback.ts';
import type { Image, LayerInfo } from '../model/image.ts';
import type { RootFilesystem } from '../model/root-filesystem.ts';
import type { Leftover } from '../runtime/runtime.ts';
import type { DataFolders } from './data-folders.ts';
import type { ImageDisks } from './image-disks.ts';
import { findLeftovers } from './leftovers.ts';
import type { OverlayLayerStore } from './overlay-layers.ts';
import { createQcow2 } from './qcow2.ts';
import { asStorage, storageError } from './storage-error.ts';
import type { MachineDisk, PrepareOptions, RootStorage } from './storage.ts';
import { WorkingRoots } from './working-roots.ts';

/** What a VM may write beside its image, by default: sparse, so it costs what is written. */
export const SCRATCH_BYTES = 8 * 1024 ** 3;

export interface RootStorageParts {
  readonly host: Host;
  readonly folders: DataFolders;
  readonly layers: OverlayLayerStore;
  readonly disks: ImageDisks;
}

/**
 * Roots of instances. On disk: `DATA/instances/ID/{upper,work}` for a container, `DATA/instances/ID/*.qcow2` for a VM. Mounted at
 * `RUN/rootfs/ID`. Neither needs a record: the folder's name says whose it is.
 */
export class InstanceRoots implements RootStorage {
  readonly #parts: RootStorageParts;
  readonly #working: WorkingRoots;
  readonly #mounted = new Set<string>();
  /**
   * Roots that a former daemon mounted. They are used as they are: a second mount over the first would share its upper folder, and outlive it.
   * Each may have been unmounted as a leak since.
   */
  readonly #inherited = new Set<string>();

  constructor(parts: RootStorageParts) {
    this.#parts = parts;
    this.#working = new WorkingRoots(parts);
  }

  /** Undoes mounts that a crashed build left, empties the temporary folder, and learns which roots are mounted. */
  async start(): Promise<void> {
    const { folders, host } = this.#parts;
    await this.#working.start();
    // Nothing is mounted there by design; but nothing is ever deleted through a mount either.
    const below = host.mounts.list().filter((entry) => entry.target.startsWith(`${folders.temporary}/`));
    for (const { target } of below.toReversed()) await host.mounts.unmount(target);
    for (const path of await folders.leftovers()) await host.files.removeTree(path);
    for (const { target } of host.mounts.list())
      if (dirname(target) === folders.roots) this.#inherited.add(basename(target));
  }

  async prepare(
    id: string,
    image: Image,
    kind: 'mounts' | 'block',
    options: PrepareOptions,
  ): Promise<RootFilesystem> {
    if (kind === 'block') return await asStorage('cannot make the disks', () => this.#layered(id, image));
    try {
      return this.#mount(id, image.layers, options);
    } catch (error) {
      throw storageError(error, 'cannot make the root filesystem');
    }
  }

  async prepareMachine(id: string, machine: MachineDisk): Promise<RootFilesystem> {
    const { kernel, initrd, cmdline } = machine;
    return await asStorage('cannot make the disk', async () => {
      const path = await this.#overlayDisk(
        id,
        'machine.qcow2',
        { path: machine.disk, format: 'raw' },
        machine.virtualSize,
      );
      const disk = { path, format: 'qcow2', readOnly: false, serial: 'hull-root' } as const;
      return { kind: 'block', root: { layout: 'machine', disk, kernel, initrd, cmdline } };
    });
  }

  async release(id: string): Promise<void> {
    const target = this.#target(id);
    await this.#parts.host.mounts.unmount(target);
    this.#mounted.delete(id);
    if (existsSync(target)) rmdirSync(target);
  }

  async remove(id: string): Promise<void> {
    await this.release(id);
    const { folders, host } = this.#parts;
    const folder = join(folders.instances, id);
    if (!existsSync(folder)) return;
    // First out of sight in one step: a crash leaves garbage that start removes, never half an instance.
    const { path, done } = folders.temporaryPath();
    await rename(folder, path);
    await host.files.removeTree(path);
    done();
  }

  async usage(id: string): Promise<{ writable: number }> {
    const folder = join(this.#parts.folders.instances, id);
    const upper = join(folder, 'upper');
    if (existsSync(upper)) return { writable: await this.#treeBytes(upper) };
    const disks = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.qcow2')) : [];
    const sizes = await Promise.all(disks.map(async (name) => (await stat(join(folder, name))).blocks * 512));
    return { writable: sizes.reduce((sum, size) => sum + size, 0) };
  }

  withWritableLayers<T>(
    layers: readonly LayerInfo[],
    use: (root: { path: string; upper: string }) => Promise<T>,
  ): Promise<{ result: T; layer: LayerInfo | null }> {
    return this.#working.writable(layers, use);
  }

  withReadOnlyLayers<T>(layers: readonly LayerInfo[], use: (path: string) => Promise<T>): Promise<T> {
    return this.#working.readOnly(layers, use);
  }

  async imageDisk(image: Image): Promise<{ path: string; bytes: number }> {
    const diffIds = image.layers.map((layer) => layer.diffId);
    return await this.#parts.disks.image(diffIds, (use) => this.#working.readOnly(image.layers, use));
  }

  async inventory(knownInstances: ReadonlySet<string>): Promise<readonly Leftover[]> {
    return await findLeftovers(this.#parts, knownInstances, (path) => this.#working.isActive(path));
  }

  /** Synchronous and without a spawn or a sync: this is on the way of every start. */
  #mount(id: string, layers: readonly LayerInfo[], { ephemeral }: PrepareOptions): RootFilesystem {
    const target = this.#target(id);
    if (this.#inherited.delete(id) && this.#parts.host.mounts.list().some((entry) => entry.target === target))
      this.#mounted.add(id);
    if (this.#mounted.has(id)) return { kind: 'mounts', path: target };
    const folder = join(this.#parts.folders.instances, id);
    const [upper, work] = [join(folder, 'upper'), join(folder, 'work')];
    const fresh = mkdirSync(upper, { recursive: true, mode: 0o755 }) !== undefined;
    try {
      mkdirSync(work, { recursive: true, mode: 0o700 });
      mkdirSync(target, { recursive: true, mode: 0o700 });
      // Overlayfs leaves this mark when a volatile mount ends, and refuses to mount again: the host might have crashed. It has not.
      if (!fresh) rmSync(join(work, 'work/incompat'), { recursive: true, force: true });
      this.#parts.host.mounts.overlay(target, {
        lower: this.#working.lower(layers),
        upper,
        work,
        volatile: ephemeral,
      });
    } catch (error) {
      if (fresh) rmSync(folder, { recursive: true, force: true });
      rmSync(target, { recursive: true, force: true });
      throw error;
    }
    this.#mounted.add(id);
    return { kind: 'mounts', path: target };
  }

  async #layered(id: string, image: Image): Promise<RootFilesystem> {
    const disk = await this.imageDisk(image);
    const empty = await this.#parts.disks.emptyExt4(SCRATCH_BYTES);
    const path = await this.#overlayDisk(
      id,
      'scratch.qcow2',
      { path: empty.path, format: 'raw' },
      SCRATCH_BYTES,
    );
    return {
      kind: 'block',
      root: {
        layout: 'layered',
        image: { path: disk.path, format: 'raw', readOnly: true, serial: 'hull-image' },
        scratch: { path, format: 'qcow2', readOnly: false, serial: 'hull-scratch' },
      },
    };
  }

  async #overlayDisk(
    id: string,
    name: string,
    backing: { path: string; format: 'raw' },
    size: number,
  ): Promise<string> {
    const folder = join(this.#parts.folders.instances, id);
    const path = join(folder, name);
    if (existsSync(path)) return path;
    await using undo = new Rollback();
    if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined)
      undo.defer('remove the instance’s folder', () => rmSync(folder, { recursive: true, force: true }));
    undo.defer('remove the disk', () => rmSync(path, { force: true }));
    await createQcow2(path, backing, size);
    undo.commit();
    return path;
  }

  /** Bytes of regular files, by a program that never follows a link that the instance may put in its way. */
  async #treeBytes(folder: string): Promise<number> {
    const { stdout } = await this.#parts.host.exec.run([
      'find',
      folder,
      '-xdev',
      '-type',
      'f',
      '-printf',
      '%s\\n',
    ]);
    return stdout.split('\n').reduce((sum, line) => sum + Number(line), 0);
  }

  #target(id: string): string {
    return join(this.#parts.folders.roots, id);
  }
}
