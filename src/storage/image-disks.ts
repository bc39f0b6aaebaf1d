import { existsSync, readdirSync } from 'node:fs';
import { chmod, open, rename, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { digestOf, hexOf } from '../lib/digest.ts';
import { KeyedLock } from '../lib/keyed-lock.ts';
import type { Digest } from '../model/image.ts';
import type { DiskRecord, Repositories } from '../state/repositories.ts';
import type { DataFolders } from './data-folders.ts';
import type { Removals } from './removals.ts';
import type { SetAside } from './set-aside.ts';
import { asStorage } from './storage-error.ts';

const MINUTES = 60_000;

/** Disks that many VMs share: images as read-only EROFS, and one empty ext4 of each size. Each is made once, at first use. */
export class ImageDisks {
  readonly #host: Host;
  readonly #folders: DataFolders;
  readonly #removals: Pick<Removals, 'discard'>;
  readonly #repositories: Repositories;
  readonly #setAside: SetAside;
  readonly #lock = new KeyedLock();

  constructor(
    host: Host,
    folders: DataFolders,
    removals: Pick<Removals, 'discard'>,
    repositories: Repositories,
    setAside: SetAside,
  ) {
    this.#host = host;
    this.#folders = folders;
    this.#removals = removals;
    this.#repositories = repositories;
    this.#setAside = setAside;
  }

  /** Sets files without a record aside, for disks of VMs may lie over them; forgets records without a file: a disk is made again from its layers. */
  start(): void {
    const known = new Set<string>();
    for (const disk of this.#repositories.disks.list()) {
      if (existsSync(this.#path(disk))) known.add(disk.file);
      else this.#repositories.disks.remove(disk.key);
    }
    for (const name of readdirSync(this.#folders.disks)) {
      if (!known.has(name)) this.#setAside.take(join(this.#folders.disks, name), 'disks');
    }
  }

  /** The EROFS disk of a stack of layers; `mounted` gives their merged tree where it has to be made. */
  async image(
    diffIds: readonly Digest[],
    mounted: (use: (path: string) => Promise<void>) => Promise<void>,
  ): Promise<{ path: string; bytes: number }> {
    const key = imageDiskKey(diffIds);
    return await this.#once(key, 'erofs', (target) =>
      mounted(async (tree) => {
        await this.#host.exec.must(
          ['mkfs.erofs', '-U', '00000000-0000-0000-0000-000000000000', target, tree],
          { timeout: 20 * MINUTES },
        );
      }),
    );
  }

  /** An empty ext4 of `size` bytes: sparse, a few hundred kilobytes on disk. */
  async emptyExt4(size: number): Promise<{ path: string; bytes: number }> {
    return await this.#once(`ext4:${size}`, 'ext4', async (target) => {
      await (await open(target, 'wx', 0o600)).close();
      await truncate(target, size);
      const options = 'lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0';
      await this.#host.exec.must(
        ['mkfs.ext4', '-q', '-F', '-m', '0', '-L', 'hull-scratch', '-E', options, target],
        { timeout: 5 * MINUTES },
      );
    });
  }

  /** Forgets and deletes the disk of a stack of layers. */
  async removeImage(diffIds: readonly Digest[]): Promise<void> {
    const key = imageDiskKey(diffIds);
    await this.#lock.run(key, async () => {
      const found = this.#repositories.disks.find(key);
      if (found === null) return;
      this.#repositories.disks.remove(key);
      await rm(this.#path(found), { force: true });
    });
  }

  async #once(
    key: string,
    extension: string,
    make: (target: string) => Promise<void>,
  ): Promise<{ path: string; bytes: number }> {
    const known = this.#repositories.disks.find(key);
    if (known !== null) return { path: this.#path(known), bytes: known.size };
    return await this.#lock.run(key, async () => {
      const made = this.#repositories.disks.find(key) ?? (await this.#make(key, extension, make));
      return { path: this.#path(made), bytes: made.size };
    });
  }

  async #make(key: string, extension: string, make: (target: string) => Promise<void>): Promise<DiskRecord> {
    return await asStorage('cannot make a disk', () =>
      this.#folders.withTemporary(this.#removals, async (temporary) => {
        await make(temporary);
        await this.#host.files.fsync(temporary);
        const { size, blocks } = await stat(temporary);
        const disk = {
          key,
          file: `${hexOf(digestOf(key)).slice(0, 24)}.${extension}`,
          size: Math.min(size, blocks * 512),
        };
        await chmod(temporary, 0o600);
        await rename(temporary, this.#path(disk));
        await this.#host.files.fsync(this.#folders.disks);
        this.#repositories.disks.add(disk);
        return disk;
      }),
    );
  }

  #path(disk: DiskRecord): string {
    return join(this.#folders.disks, disk.file);
  }
}

function imageDiskKey(diffIds: readonly Digest[]): string {
  return `erofs:${digestOf(diffIds.join(' '))}`;
}
