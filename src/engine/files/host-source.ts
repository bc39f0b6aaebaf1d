import type { Host } from '../../host/host.ts';
import {
  MOUNT_STUBS,
  type ExtractFilesOptions,
  type FileArchive,
  type FileChange,
  type FileStat,
} from '../../model/files.ts';
import type { Image } from '../../model/image.ts';
import { isAlive, pidOf } from '../../model/instance-status.ts';
import type { FilesView, InstanceFiles, ViewMount } from '../../storage/files/files.ts';
import type { HeldRoot, RootStorage } from '../../storage/storage.ts';
import type { Trees } from '../../storage/trees.ts';
import { traitsOf } from '../isolations.ts';
import type { InstanceRecord } from '../instances/record.ts';
import type { VolumeUses } from '../volumes/uses.ts';
import { thenRelease, type FileSource } from './source.ts';

export interface HostSourceParts {
  readonly host: Pick<Host, 'processes'>;
  readonly files: InstanceFiles;
  readonly roots: Pick<RootStorage, 'hold'>;
  readonly trees: Pick<Trees, 'archive'>;
  readonly uses: Pick<VolumeUses, 'borrow'>;
}

/** Files of a container or sandbox: a root on the host, and the instance's mounts. */
export class HostSource implements FileSource {
  readonly #parts: HostSourceParts;
  readonly #record: InstanceRecord;
  readonly #image: Image;

  constructor(parts: HostSourceParts, record: InstanceRecord, image: Image) {
    this.#parts = parts;
    this.#record = record;
    this.#image = image;
  }

  stat(path: string, signal?: AbortSignal): Promise<FileStat> {
    return this.#viewed((view) => this.#parts.files.stat(view, path, signal));
  }

  async read(path: string, signal?: AbortSignal): Promise<FileArchive> {
    const { view, release } = await this.#view();
    try {
      const { stat, stream } = await this.#parts.files.read(view, path, signal);
      return { stat, stream: thenRelease(stream, release) };
    } catch (error) {
      await release();
      throw error;
    }
  }

  write(
    path: string,
    archive: AsyncIterable<Uint8Array>,
    options: ExtractFilesOptions,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#viewed((view) => this.#parts.files.write(view, path, archive, options, signal));
  }

  async *changes(signal?: AbortSignal): AsyncGenerator<readonly FileChange[]> {
    const root = await this.#hold();
    yield* thenRelease(this.#parts.files.changes({ kind: 'layers', ...root }, signal), root.release);
  }

  async *root(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const { path, release } = await this.#hold();
    yield* thenRelease(this.#archive(path, { mode: 'plain', live: true }, signal), release);
  }

  async *layer(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const { upper, release } = await this.#hold();
    const options = { mode: 'layer', live: true, stubs: MOUNT_STUBS } as const;
    yield* thenRelease(this.#archive(upper, options, signal), release);
  }

  #archive(
    root: string,
    options: Parameters<Trees['archive']>[1],
    signal: AbortSignal | undefined,
  ): AsyncIterable<Uint8Array> {
    return this.#parts.trees.archive(root, options, signal === undefined ? {} : { signal });
  }

  async #viewed<T>(use: (view: FilesView) => Promise<T>): Promise<T> {
    const { view, release } = await this.#view();
    try {
      return await use(view);
    } finally {
      await release();
    }
  }

  /** A running container's own mounts; else, and for a sandbox, whose kernel keeps its own, the root with the mounts that it is given. */
  async #view(): Promise<{ view: FilesView; release: () => Promise<void> }> {
    const { config, status, pidStartTime } = this.#record;
    const mounts = config.mounts.map(viewMount);
    const runs = isAlive(status) && this.#parts.host.processes.same(pidOf(status), pidStartTime);
    if (traitsOf(config.isolation).sharesKernel && runs) {
      const view = { kind: 'process', pid: pidOf(status), startTime: pidStartTime, mounts } as const;
      return { view, release: () => Promise.resolve() };
    }
    const borrowed = await this.#parts.uses.borrow(config);
    const root = await this.#hold().catch(async (error: unknown) => {
      await borrowed.release();
      throw error;
    });
    const release = async (): Promise<void> => {
      await root.release();
      await borrowed.release();
    };
    return { view: { kind: 'folder', root: root.path, mounts: borrowed.mounts.map(viewMount) }, release };
  }

  #hold(): Promise<HeldRoot> {
    const { id, autoRemove } = this.#record.config;
    return this.#parts.roots.hold(id, this.#image, { ephemeral: autoRemove });
  }
}

function viewMount(mount: InstanceRecord['config']['mounts'][number]): ViewMount {
  return {
    source: mount.type === 'tmpfs' ? '' : mount.source,
    target: mount.target,
    readOnly: mount.readOnly,
  };
}
