import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Registries } from '../../../src/images/registry/registries.ts';
import { createTransport } from '../../../src/images/registry/transport.ts';
import { ImageFetcher } from '../../../src/images/transfer/image-fetcher.ts';
import { validate } from '../../../src/images/validate.ts';
import { collect } from '../../../src/lib/streams.ts';
import { packTar } from '../../../src/lib/tar/archive.ts';
import type { Digest, Image } from '../../../src/model/image.ts';
import { parseReference } from '../../../src/model/reference.ts';
import type { RegistryCredentials } from '../../../src/model/registry-credentials.ts';
import { file, makeStore, type TestStore } from './store.ts';

/** Nothing but what images name is left: no half layer, no blob, no temporary file. */
export const CLEAN = [[], [], [], 0];

/** A store of its own, with what pulls into it and pushes from it. */
export class RegistryUser implements AsyncDisposable {
  readonly store: TestStore;
  readonly registries: Registries;
  /** What the last transfer said. */
  readonly statuses: string[] = [];

  private constructor(store: TestStore) {
    this.store = store;
    const { content, layers, uncompressedDigest } = store.storage;
    const withTemporary = <T>(use: (path: string) => Promise<T>): Promise<T> =>
      store.storage.withTemporary(use);
    const fetcher = new ImageFetcher({
      ...{ content, images: store.images, layers, uncompressedDigest, withTemporary },
      keptLayers: () => new Set(),
    });
    this.registries = new Registries({
      content,
      fetcher,
      transport: createTransport({ answer: 3000, idle: 3000 }),
    });
  }

  static async make(): Promise<RegistryUser> {
    return new RegistryUser(await makeStore());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.destroy();
  }

  async pull(name: string, credentials: RegistryCredentials = {}, signal?: AbortSignal): Promise<Image> {
    this.statuses.length = 0;
    const onProgress = ({ status }: { status: string }): void => void this.statuses.push(status);
    return (await this.registries.pull({ reference: parseReference(name), credentials, onProgress, signal }))
      .image;
  }

  async push(
    image: Image,
    name: string,
    credentials: RegistryCredentials = {},
    mounts: readonly { readonly repository: string }[] = [],
  ): Promise<Digest> {
    this.statuses.length = 0;
    const parsed = parseReference(name);
    const reference = { ...parsed, tag: parsed.tag ?? 'latest' };
    const onProgress = ({ status }: { status: string }): void => void this.statuses.push(status);
    return (await this.registries.push(image, { reference, credentials, mounts, onProgress })).digest;
  }

  /** How often the last transfer said it. */
  said(status: string): number {
    return this.statuses.filter((one) => one === status).length;
  }

  /** An image of two layers. */
  async image(name: string): Promise<Image> {
    const { images, storage } = this.store;
    const layers = [];
    for (const part of ['one', 'two'])
      layers.push(
        await storage.layers.importTar({ stream: packTar([file(part, `${name} ${part}`.repeat(1000))]) }),
      );
    const history = layers.map(() => ({ created_by: 'test' }));
    return await images.commit(
      { architecture: 'amd64', os: 'linux', config: { Cmd: [name] }, history },
      layers,
      [name],
    );
  }

  async problems(image: Image): Promise<readonly string[]> {
    const { storage } = this.store;
    return await validate(
      image,
      { ...storage, uncompressedDigest: storage.uncompressedDigest },
      { deep: true },
    );
  }

  leftovers(): unknown[] {
    const { identity, repositories } = this.store;
    return [
      repositories.layers.unused(),
      repositories.blobs.unused(),
      readdirSync(join(identity.dataDir, 'tmp')),
      readdirSync(join(identity.dataDir, 'blobs/sha256')).length - repositories.blobs.list().length,
    ];
  }
}

export async function tarOf(name: string, body: string): Promise<Uint8Array> {
  return await collect(packTar([file(name, body)]));
}
