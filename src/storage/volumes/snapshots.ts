import { existsSync, readdirSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { exchangePaths } from '../../host/exchange-paths.ts';
import { HullError } from '../../model/errors.ts';
import type { VolumeSnapshotRecord } from '../../state/repositories.ts';
import type { SetAside } from '../set-aside.ts';
import { checkSnapshotName } from './names.ts';
import type { TreeCopier, TreeCopierParts } from './tree-copier.ts';
import type { Volume, VolumeSnapshot, VolumeSnapshots } from './volume-store.ts';
import { refuseMounting } from './driver-options.ts';

export interface SnapshotParts extends TreeCopierParts {
  readonly copier: TreeCopier;
  readonly setAside: SetAside;
  /** Throws `volume-not-found`. */
  readonly find: (volume: string) => Volume;
}

/** Snapshots as folders `DATA/snapshots/RANDOM`. A folder without a record is of no use, but what is in it may be the only copy. */
export class FolderSnapshots implements VolumeSnapshots {
  readonly #parts: SnapshotParts;

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
  }

  /** Ends removals that a crash cut short, and sets aside folders that no record accounts for. */
  start(): void {
    const { folders, repositories, setAside } = this.#parts;
    const { snapshots } = repositories.volumes;
    for (const folder of folders.removedBefore('snapshot')) {
      const record = snapshots.findByFolder(folder);
      if (record !== null) snapshots.remove(record.volume, record.name);
    }
    for (const folder of readdirSync(folders.snapshots)) {
      if (snapshots.findByFolder(folder) === null)
        setAside.take(join(folders.snapshots, folder), 'snapshots');
    }
  }

  async create(
    volume: string,
    name: string,
    { live = false }: { live?: boolean } = {},
  ): Promise<VolumeSnapshot> {
    const source = this.#parts.find(volume);
    checkSnapshotName(name);
    refuseMounting(source, 'kept in a snapshot');
    this.#refuseTaken(volume, name);
    const { folders, repositories, copier } = this.#parts;
    const what = `cannot make the snapshot ${name} of the volume ${volume}`;
    return await copier.copy(source.path, { live, what }, (copy) => {
      this.#refuseTaken(volume, name);
      const record = { volume, name, createdAt: Date.now(), folder: folders.fresh() };
      copy.moveTo(join(folders.snapshots, record.folder), () => repositories.volumes.snapshots.add(record));
      return toSnapshot(record);
    });
  }

  list(volume?: string): readonly VolumeSnapshot[] {
    return this.#parts.repositories.volumes.snapshots.list(volume).map(toSnapshot);
  }

  async restore(volume: string, name: string): Promise<void> {
    const target = this.#parts.find(volume);
    const source = this.#pathOf(this.#get(volume, name));
    const what = `cannot restore the snapshot ${name} of the volume ${volume}`;
    // What the volume held until now is in the copy's place afterwards, and removed as such.
    await this.#parts.copier.copy(source, { live: false, what }, ({ path }) =>
      exchangePaths(path, target.path),
    );
  }

  async remove(volume: string, name: string): Promise<void> {
    const record = this.#get(volume, name);
    const { folders, repositories, removals } = this.#parts;
    const { path, done } = folders.temporaryPath(`snapshot-${record.folder}`);
    if (existsSync(this.#pathOf(record))) await rename(this.#pathOf(record), path);
    repositories.volumes.snapshots.remove(volume, name);
    removals.discard(path);
    done();
  }

  #get(volume: string, name: string): VolumeSnapshotRecord {
    const record = this.#parts.repositories.volumes.snapshots.find(this.#parts.find(volume).name, name);
    if (record !== null) return record;
    throw new HullError(
      'volume-not-found',
      `the volume ${volume} has no snapshot ${name}; see hull volume snapshot-ls ${volume}`,
    );
  }

  #refuseTaken(volume: string, name: string): void {
    if (this.#parts.repositories.volumes.snapshots.find(volume, name) === null) return;
    throw new HullError(
      'name-in-use',
      `the volume ${volume} has a snapshot ${name} already; choose another name`,
    );
  }

  #pathOf(record: VolumeSnapshotRecord): string {
    return join(this.#parts.folders.snapshots, record.folder);
  }
}

function toSnapshot({ volume, name, createdAt }: VolumeSnapshotRecord): VolumeSnapshot {
  return { volume, name, createdAt };
}
