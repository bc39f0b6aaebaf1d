import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Host } from '../../host/host.ts';
import { HullError } from '../../model/errors.ts';
import type { Repositories, VolumeRecord } from '../../state/repositories.ts';
import type { DataFolders } from '../data-folders.ts';
import type { Removals } from '../removals.ts';
import type { SetAside } from '../set-aside.ts';
import { storageError } from '../storage-error.ts';
import type { Trees } from '../trees.ts';
import { checkDriverOptions, refuseMounting } from './driver-options.ts';
import { VolumeMounter } from './mounter.ts';
import { checkVolumeName } from './names.ts';
import { populate } from './populate.ts';
import { FolderSnapshots } from './snapshots.ts';
import { TreeCopier } from './tree-copier.ts';
import type {
  CopyVolume,
  EnsureVolume,
  ImageFolder,
  Volume,
  VolumeProblem,
  VolumeSnapshots,
  VolumeStore,
} from './volume-store.ts';

/** Docker's mark on volumes that were made for one container and have a random name. */
const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';
/** In the name of a folder whose volume's own name was taken by another's. No volume's name has it. */
const MARK = '~';

export interface VolumeParts {
  readonly host: Host;
  readonly folders: DataFolders;
  readonly removals: Removals;
  readonly repositories: Repositories;
  readonly trees: Trees;
  readonly self: readonly string[];
  readonly setAside: SetAside;
}

/**
 * Named volumes as folders `DATA/volumes/NAME`. A volume that is renamed keeps its folder, so that what is mounted stays mounted. Folders
 * without a record are kept, unlike other garbage: they hold a user's data.
 */
export class FolderVolumes implements VolumeStore {
  readonly snapshots: VolumeSnapshots;
  readonly #parts: VolumeParts;
  readonly #mounter: VolumeMounter;
  readonly #copier: TreeCopier;

  constructor(parts: VolumeParts) {
    this.#parts = parts;
    this.#mounter = new VolumeMounter(parts.host, parts.self);
    this.#copier = new TreeCopier(parts);
    this.snapshots = new FolderSnapshots({ ...parts, copier: this.#copier, find: (name) => this.#get(name) });
  }

  /** Ends removals that a crash cut short, and sets copies aside that no record accounts for. Before the temporary folder is emptied. */
  start(): void {
    const { folders, repositories, setAside } = this.#parts;
    for (const folder of folders.removedBefore('volume')) {
      const name = repositories.volumes.folders().get(folder);
      if (name !== undefined) repositories.volumes.remove(name);
    }
    const known = repositories.volumes.folders();
    for (const folder of readdirSync(folders.volumes)) {
      if (folder.includes(MARK) && !known.has(folder))
        setAside.take(join(folders.volumes, folder), 'volumes');
    }
    (this.snapshots as FolderSnapshots).start();
  }

  async ensure(
    name: string,
    labels: Readonly<Record<string, string>> = {},
    { anonymous, options = {} }: EnsureVolume = {},
  ): Promise<Volume> {
    const { repositories, folders } = this.#parts;
    const known = repositories.volumes.find(name);
    if (known !== null) return this.#toVolume(known);
    checkVolumeName('create', name);
    checkDriverOptions(name, options);
    const record: VolumeRecord = {
      ...{ name, labels, options },
      anonymous: anonymous ?? (ANONYMOUS_LABEL in labels || /^[0-9a-f]{64}$/.test(name)),
      createdAt: Date.now(),
      folder: this.#folderFor(name),
    };
    try {
      mkdirSync(join(folders.volumes, record.folder), { recursive: true, mode: 0o755 });
    } catch (error) {
      throw storageError(error, `cannot make the volume ${name}`);
    }
    repositories.volumes.add(record);
    return this.#toVolume(record);
  }

  find(name: string): Volume | null {
    const record = this.#parts.repositories.volumes.find(name);
    return record === null ? null : this.#toVolume(record);
  }

  list(): readonly Volume[] {
    return this.#parts.repositories.volumes.list().map((record) => this.#toVolume(record));
  }

  async remove(name: string): Promise<void> {
    const volume = this.#get(name);
    const { folders, repositories, removals } = this.#parts;
    const snapshots = this.snapshots.list(name).map((snapshot) => snapshot.name);
    if (snapshots.length > 0) {
      throw new HullError(
        'volume-in-use',
        `remove ${name}: volume has snapshots (${snapshots.join(', ')}); remove them first: hull volume snapshot-rm ${name} ${snapshots[0]}`,
      );
    }
    if (this.isMounted(volume)) await this.unmount(volume);
    const { path, done } = folders.temporaryPath(`volume-${basename(volume.path)}`);
    try {
      // In one turn: nobody finds a volume that is going.
      removals.move(volume.path, path);
      repositories.volumes.remove(name);
      removals.discard(path);
    } catch (error) {
      throw storageError(error, `cannot remove the volume ${name}`);
    }
    done();
  }

  rename(name: string, to: string, alongside: () => void = () => undefined): Volume {
    const volume = this.#get(name);
    checkVolumeName('rename', to);
    this.#refuseTaken(to);
    this.#parts.repositories.durably(() => {
      this.#parts.repositories.volumes.rename(name, to);
      alongside();
    });
    return { ...volume, name: to, anonymous: false };
  }

  async clone(name: string, to: string, { labels, live = false }: CopyVolume = {}): Promise<Volume> {
    const source = this.#get(name);
    checkVolumeName('create', to);
    this.#refuseTaken(to);
    refuseMounting(source, 'cloned');
    const { folders, repositories } = this.#parts;
    return await this.#copier.copy(source.path, { live, what: `cannot clone the volume ${name}` }, (copy) => {
      this.#refuseTaken(to);
      // A marked folder: without its record it can only be what an interrupted clone has left.
      const folder = `${to}${MARK}${folders.fresh()}`;
      const record: VolumeRecord = {
        ...{ name: to, labels: labels ?? source.labels, options: {}, anonymous: false },
        ...{ createdAt: Date.now(), folder },
      };
      copy.moveTo(join(folders.volumes, folder), () => repositories.volumes.add(record));
      return this.#toVolume(record);
    });
  }

  mount(volume: Volume): Promise<void> {
    return this.#mounter.mount(volume);
  }

  unmount(volume: Volume): Promise<void> {
    return this.#mounter.unmount(volume);
  }

  isMounted(volume: Volume): boolean {
    return this.#mounter.isMounted(volume);
  }

  populate(target: string, image: ImageFolder, options: { live?: boolean } = {}): Promise<boolean> {
    return populate(this.#parts, target, image, options.live ?? false);
  }

  problems(): readonly VolumeProblem[] {
    const { folders, repositories } = this.#parts;
    const lost = this.list()
      .filter(({ path }) => !existsSync(path))
      .map(({ name }): VolumeProblem => ({ kind: 'folder-lost', what: name, repair: null }));
    const known = repositories.volumes.folders();
    const names = new Set(known.values());
    const unknown = readdirSync(folders.volumes)
      .filter((folder) => !folder.includes(MARK) && !known.has(folder))
      .map((folder): VolumeProblem => {
        const free = !names.has(folder);
        const repair = async (): Promise<void> => void (await this.ensure(folder));
        return { kind: 'unknown-folder', what: join(folders.volumes, folder), repair: free ? repair : null };
      });
    return [...lost, ...unknown];
  }

  #get(name: string): Volume {
    const volume = this.find(name);
    if (volume === null) throw new HullError('volume-not-found', `get ${name}: no such volume`);
    return volume;
  }

  #refuseTaken(name: string): void {
    if (this.find(name) === null) return;
    throw new HullError('name-in-use', `a volume named ${name} exists already; choose another name`);
  }

  #folderFor(name: string): string {
    const { folders, repositories } = this.#parts;
    return !repositories.volumes.folders().has(name) ? name : `${name}${MARK}${folders.fresh()}`;
  }

  #toVolume({ folder, ...record }: VolumeRecord): Volume {
    return { ...record, path: join(this.#parts.folders.volumes, folder) };
  }
}
