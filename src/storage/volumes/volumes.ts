import { existsSync, mkdirSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { HullError } from '../model/errors.ts';
import type { Repositories, VolumeRecord } from '../state/repositories.ts';
import type { DataFolders } from './data-folders.ts';
import { storageError } from './storage-error.ts';
import type { Volume, VolumeStore } from './storage.ts';

/** Docker's rule for names. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/;
/** Docker's mark on volumes that were made for one container and have a random name. */
const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

/** Named volumes as folders `DATA/volumes/NAME`. Folders without a record are kept, unlike other garbage: they hold a user's data. */
export class FolderVolumes implements VolumeStore {
  readonly #host: Host;
  readonly #folders: DataFolders;
  readonly #repositories: Repositories;

  constructor(host: Host, folders: DataFolders, repositories: Repositories) {
    this.#host = host;
    this.#folders = folders;
    this.#repositories = repositories;
  }

  async ensure(name: string, labels: Readonly<Record<string, string>> = {}): Promise<Volume> {
    if (!NAME.test(name)) {
      throw new HullError(
        'invalid-argument',
        `${JSON.stringify(name)} is no name for a volume: use letters, digits, "_", "." and "-", a letter or digit first`,
      );
    }
    const known = this.#repositories.volumes.find(name);
    if (known !== null) return this.#toVolume(known);
    const record: VolumeRecord = {
      name,
      labels,
      anonymous: ANONYMOUS_LABEL in labels || /^[0-9a-f]{64}$/.test(name),
      createdAt: Date.now(),
    };
    try {
      mkdirSync(join(this.#folders.volumes, name), { recursive: true, mode: 0o755 });
    } catch (error) {
      throw storageError(error, `cannot make the volume ${name}`);
    }
    this.#repositories.volumes.add(record);
    return this.#toVolume(record);
  }

  find(name: string): Volume | null {
    const record = this.#repositories.volumes.find(name);
    return record === null ? null : this.#toVolume(record);
  }

  list(): readonly Volume[] {
    return this.#repositories.volumes.list().map((record) => this.#toVolume(record));
  }

  async remove(name: string): Promise<void> {
    if (this.#repositories.volumes.find(name) === null)
      throw new HullError('volume-not-found', `no volume is named ${name}`);
    const folder = join(this.#folders.volumes, name);
    const { path, done } = this.#folders.temporaryPath();
    if (existsSync(folder)) await rename(folder, path);
    this.#repositories.volumes.remove(name);
    await this.#host.files.removeTree(path);
    done();
  }

  #toVolume(record: VolumeRecord): Volume {
    return { ...record, path: join(this.#folders.volumes, record.name) };
  }
}
