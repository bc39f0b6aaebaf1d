import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { Rollback } from '../lib/rollback.ts';
import type { Image, LayerInfo } from '../model/image.ts';
import type { RootFilesystem } from '../model/root-filesystem.ts';
import type { Leftover } from '../model/leftover.ts';
import type { DataFolders } from './data-folders.ts';
import type { ImageDisks } from './image-disks.ts';
import type { LayerClaims } from './layer-store.ts';
import { findLeftovers } from './leftovers.ts';
import type { OverlayLayerStore } from './overlay-layers.ts';
import type { Removals } from './removals.ts';
import { MountedRoots } from './mounted-roots.ts';
import { createQcow2 } from './qcow2.ts';
import type { SetAside } from './set-aside.ts';
import { asStorage, storageError } from './storage-error.ts';
import type { HeldRoot, PrepareOptions, RootStorage } from './storage.ts';
import type { MachineDisk } from '../model/machine.ts';
import type { TreeSizes } from './tree-sizes.ts';
import { WorkingRoots } from './working-roots.ts';

/** What a VM may write beside its image, by default: sparse, so it costs what is written. */
const SCRATCH_BYTES = 8 * 1024 ** 3;

export interface RootStorageParts {
  readonly host: Host;
  readonly folders: DataFolders;
  readonly removals: Removals;
  readonly layers: OverlayLayerStore;
  readonly disks: ImageDisks;
  readonly sizes: TreeSizes;
  readonly setAside: SetAside;
  /** Told what cannot be unmounted. */
  readonly log?: ((message: string) => void) | undefined;
}

/**
 * Roots of instances. On disk: `DATA/instances/ID/{upper,work}` for a container, `DATA/instances/ID/*.qcow2` for a VM. Mounted at
 * `RUN/rootfs/ID`. Neither needs a record: the folder's name says whose it is.
 */
export class InstanceRoots implements RootStorage {
  readonly #parts: RootStorageParts;
  readonly #working: WorkingRoots;
  readonly #mounted: MountedRoots;

  constructor(parts: RootStorageParts) {
    this.#parts = parts;
    this.#working = new WorkingRoots(parts);
    this.#mounted = new MountedRoots(parts);
  }

  /** Undoes mounts that a crashed build left, takes what is in the temporary folder away, and learns which roots are mounted. */
  async start(): Promise<void> {
    const { folders, host, removals } = this.#parts;
    await this.#working.start();
    // Nothing is mounted there by design; but nothing is ever deleted through a mount either.
    const emptied = [folders.temporary, folders.removing];
    const below = host.mounts
      .list()
      .filter(({ target }) => emptied.some((folder) => target.startsWith(`${folder}/`)));
    for (const { target } of below.toReversed()) await host.mounts.unmount(target);
    for (const path of await folders.leftovers()) removals.discard(path);
    this.#mounted.start();
  }

  /** Unmounts the roots of builds that are left, for the daemon's end. Those of instances stay: they may run on. */
  end(): void {
    this.#working.end();
  }

  async prepare(
    id: string,
    image: Image,
    kind: 'mounts' | 'block',
    options: PrepareOptions,
  ): Promise<RootFilesystem> {
    if (kind === 'block') return await asStorage('cannot make the disks', () => this.#layered(id, image));
    try {
      const path = await this.#mounted.mount(id, this.#working.lower(image.layers), options);
      return { kind: 'mounts', path };
    } catch (error) {
      throw storageError(error, 'cannot make the root filesystem');
    }
  }

  async prepareMachine(id: string, machine: MachineDisk): Promise<RootFilesystem> {
    const { kernel, initrd, cmdline } = machine;
    return await asStorage('cannot make the disk', async () => {
      const backing = { path: machine.disk, format: 'raw' } as const;
      const path = await this.#overlayDisk(id, 'machine.qcow2', backing, machine.virtualSize);
      const disk = { path, format: 'qcow2', readOnly: false, serial: 'hull-root', backing } as const;
      return { kind: 'block', root: { layout: 'machine', disk, kernel, initrd, cmdline } };
    });
  }

  async release(id: string): Promise<void> {
    await this.#mounted.release(id);
  }

  async hold(id: string, image: Image, options: PrepareOptions): Promise<HeldRoot> {
    const { folders } = this.#parts;
    const lower = this.#working.lower(image.layers);
    const upper = join(folders.instances, id, 'upper');
    return await asStorage('cannot mount the root filesystem', async () => ({
      ...(await this.#mounted.hold(id, lower, options)),
      ...{ upper, lower, scratch: folders.empty },
    }));
  }

  async remove(id: string): Promise<void> {
    await this.#mounted.forget(id);
    const { folders, removals } = this.#parts;
    removals.discard(join(folders.instances, id));
  }

  async usage(id: string, signal?: AbortSignal): Promise<{ writable: number }> {
    const folder = join(this.#parts.folders.instances, id);
    const upper = join(folder, 'upper');
    if (existsSync(upper)) return { writable: await this.#parts.sizes.measure(upper, signal) };
    const disks = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.qcow2')) : [];
    const sizes = await Promise.all(disks.map(async (name) => (await stat(join(folder, name))).blocks * 512));
    return { writable: sizes.reduce((sum, size) => sum + size, 0) };
  }

  withWritableLayers<T>(
    layers: readonly LayerInfo[],
    use: (root: { path: string; upper: string }) => Promise<T>,
    claims?: LayerClaims,
  ): Promise<{ result: T; layer: LayerInfo | null }> {
    return this.#working.writable(layers, use, claims);
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

  async #layered(id: string, image: Image): Promise<RootFilesystem> {
    const disk = await this.imageDisk(image);
    const empty = await this.#parts.disks.emptyExt4(SCRATCH_BYTES);
    const backing = { path: empty.path, format: 'raw' } as const;
    const path = await this.#overlayDisk(id, 'scratch.qcow2', backing, SCRATCH_BYTES);
    return {
      kind: 'block',
      root: {
        layout: 'layered',
        image: { path: disk.path, format: 'raw', readOnly: true, serial: 'hull-image' },
        scratch: { path, format: 'qcow2', readOnly: false, serial: 'hull-scratch', backing },
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
}
