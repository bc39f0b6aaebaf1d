import type {
  Archives,
  FoundRepository,
  LoadedImage,
  PushedTag,
  RemoteImage,
  Transfers,
  TransferOptions,
} from '../../engine/api.ts';
import { collect } from '../../lib/streams.ts';
import { HullError } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';
import type { TransferSink } from '../../model/transfer.ts';
import type { FakeImages } from './fake-images.ts';

/** A registry that has `busybox` alone; `broken` fails in the middle. */
export class FakeTransfers implements Transfers {
  readonly #images: FakeImages;

  constructor(images: FakeImages) {
    this.#images = images;
  }

  async pull(reference: string, { onProgress }: TransferOptions): Promise<Image> {
    if (!/^(?:busybox|broken)(?::|$)/.test(reference))
      throw new HullError(
        'image-not-found',
        `manifest for ${reference} not found: manifest unknown: manifest unknown`,
      );
    onProgress({ status: 'Pulling from library/busybox', id: 'latest' });
    onProgress({ status: 'Downloading', id: '0123456789ab', current: 50, total: 100 });
    if (reference.startsWith('broken'))
      throw new HullError('registry-unreachable', 'the connection was lost');
    onProgress({ status: 'Pull complete', id: '0123456789ab' });
    return this.#images.get('busybox');
  }

  async pullAll(repository: string, options: TransferOptions): Promise<readonly Image[]> {
    return [await this.pull(repository, options)];
  }

  async push(
    repository: string,
    tag: string | null,
    { onProgress, onPushed }: TransferOptions & { readonly onPushed: (pushed: PushedTag) => void },
  ): Promise<void> {
    onProgress({ status: `The push refers to repository [${repository}]` });
    const image = this.#images.get(repository);
    onPushed({ tag: tag ?? 'latest', digest: image.manifestDigest, size: 100 });
  }

  async login({ password }: { readonly password?: string }): Promise<void> {
    if (password !== 'right') throw new HullError('registry-unauthorized', 'wrong password');
  }

  async describe(reference: string): Promise<RemoteImage> {
    const { manifestDigest: digest } = this.#images.get(reference);
    return {
      descriptor: { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 100 },
      platforms: [{ os: 'linux', architecture: 'amd64' }],
    };
  }

  async search(term: string): Promise<readonly FoundRepository[]> {
    return [{ name: term, description: 'found', stars: 1, official: true }];
  }
}

/** Archives are the names of images, as text. */
export class FakeArchives implements Archives {
  readonly #images: FakeImages;

  constructor(images: FakeImages) {
    this.#images = images;
  }

  async save(references: readonly string[]): Promise<AsyncIterable<Uint8Array>> {
    for (const reference of references) this.#images.get(reference);
    return new Blob([references.join()]).stream();
  }

  async load(
    stream: AsyncIterable<Uint8Array>,
    _onProgress: TransferSink,
    onLoaded: (loaded: LoadedImage) => void,
  ): Promise<void> {
    const name = new TextDecoder().decode(await collect(stream));
    if (name === '') throw new HullError('archive-invalid', 'invalid archive: it is empty');
    onLoaded({
      image: this.#images.get(name),
      names: [`docker.io/library/${name}:latest`],
      replaced: new Map(),
    });
  }

  async import(stream: AsyncIterable<Uint8Array>): Promise<Image> {
    await collect(stream);
    return this.#images.get('busybox');
  }

  async fetch(): Promise<AsyncIterable<Uint8Array>> {
    return new Blob(['busybox']).stream();
  }
}
