import type { Host } from '../../host/host.ts';
import type { ImageStore } from '../../images/image-store.ts';
import { HullError, isHullError } from '../../model/errors.ts';
import type { FileArchive, FileChange, FileStat } from '../../model/files.ts';
import type { Image } from '../../model/image.ts';
import { isAlive } from '../../model/instance-status.ts';
import type { Isolation } from '../../model/isolation.ts';
import { hasFiles, type Runtime } from '../../runtime/runtime.ts';
import type { LayerStore } from '../../storage/layer-store.ts';
import type { CommitRequest, Files, PutFilesOptions } from '../api.ts';
import type { EventBus } from '../events.ts';
import { traitsOf } from '../isolations.ts';
import type { ImageService } from '../images/images.ts';
import { instanceAttributes } from '../instances/attributes.ts';
import type { FilesAtRest } from '../instances/files-at-rest.ts';
import type { InstanceRecord } from '../instances/record.ts';
import type { Registry } from '../instances/registry.ts';
import { commitInstance } from './commit.ts';
import { GuestSource } from './guest-source.ts';
import { Holds } from './holds.ts';
import { HostSource, type HostSourceParts } from './host-source.ts';
import { RestingSource } from './resting-source.ts';
import type { FileSource } from './source.ts';

export interface FileServiceParts extends HostSourceParts {
  readonly host: Host;
  readonly registry: Pick<Registry, 'get' | 'byId'>;
  readonly events: EventBus;
  readonly images: ImageStore;
  readonly layers: Pick<LayerStore, 'importTar' | 'hold'>;
  readonly runtimes: Readonly<Record<Isolation, Runtime>>;
  readonly filesAtRest: Pick<FilesAtRest, 'borrow'>;
  readonly plainArchive: (archive: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
  readonly making: Pick<ImageService, 'making'>;
}

/** Use cases of instances' files. */
export class FileService implements Files {
  readonly #parts: FileServiceParts;
  readonly #holds: Holds;

  constructor(parts: FileServiceParts) {
    this.#parts = parts;
    this.#holds = new Holds(parts.registry);
  }

  async stat(nameOrId: string, path: string, signal?: AbortSignal): Promise<FileStat> {
    const record = this.#parts.registry.get(nameOrId);
    return await named(nameOrId, path, () => this.#source(record).stat(path, signal));
  }

  async get(nameOrId: string, path: string, signal?: AbortSignal): Promise<FileArchive> {
    const record = this.#parts.registry.get(nameOrId);
    const archive = await named(nameOrId, path, () => this.#source(record).read(path, signal));
    this.#event(record, 'archive-path');
    return archive;
  }

  async put(
    nameOrId: string,
    path: string,
    archive: AsyncIterable<Uint8Array>,
    { keepKinds, giveToUser }: PutFilesOptions,
    signal?: AbortSignal,
  ): Promise<void> {
    const record = this.#parts.registry.get(nameOrId);
    const { process, readOnlyRoot } = record.config;
    const options = { keepKinds, readOnlyRoot, ...(giveToUser ? { owner: process.user } : {}) };
    const plain = this.#parts.plainArchive(archive);
    await named(nameOrId, path, () => this.#source(record).write(path, plain, options, signal));
    this.#event(record, 'extract-to-dir');
  }

  async *changes(nameOrId: string, signal?: AbortSignal): AsyncGenerator<readonly FileChange[]> {
    yield* this.#source(this.#parts.registry.get(nameOrId)).changes(signal);
  }

  export(nameOrId: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const record = this.#parts.registry.get(nameOrId);
    const stream = this.#source(record).root(signal);
    this.#event(record, 'export');
    return Promise.resolve(stream);
  }

  async commit(request: CommitRequest, signal?: AbortSignal): Promise<Image> {
    const record = this.#parts.registry.get(request.instance);
    const { images, layers, runtimes, making } = this.#parts;
    const base = this.#imageOf(record);
    const source = this.#source(record);
    const parts = { images, layers, holds: this.#holds, runtime: runtimes[record.config.isolation] };
    const image = await making.making(() => commitInstance(parts, { request, record, base, source }, signal));
    const imageRef = image.references.at(-1) ?? '';
    this.#event(record, 'commit', { comment: request.comment, imageID: image.id, imageRef });
    return image;
  }

  #source(record: InstanceRecord): FileSource {
    const { config, status } = record;
    const runtime = this.#parts.runtimes[config.isolation];
    if (traitsOf(config.isolation).root === 'mounts')
      return new HostSource(this.#parts, record, this.#imageOf(record));
    if (config.source.kind === 'machine' || !hasFiles(runtime))
      throw new HullError(
        'not-supported',
        `the machine ${config.name} has no agent that could reach its files; copy over the network`,
      );
    if (!isAlive(status)) return new RestingSource(this.#parts.filesAtRest, config.id);
    return new GuestSource(runtime, config.id);
  }

  #imageOf({ config }: InstanceRecord): Image {
    if (config.source.kind === 'image') return this.#parts.images.get(config.source.imageId);
    throw new HullError('not-supported', `the machine ${config.name} has no image`);
  }

  #event(record: InstanceRecord, action: string, more: Readonly<Record<string, string>> = {}): void {
    this.#parts.events.publish('container', action, record.config.id, {
      ...instanceAttributes(record),
      ...more,
    });
  }
}

/** In the words of Docker's daemon, which clients look for. */
async function named<T>(instance: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isHullError(error, 'path-not-found')) throw error;
    throw new HullError('path-not-found', `Could not find the file ${path} in container ${instance}`, {
      cause: error,
    });
  }
}
