import type { ImageStore } from '../../images/image-store.ts';
import { hostPlatform, parsePlatform } from '../../images/platform.ts';
import type { Registries } from '../../images/registry/registries.ts';
import type { MountCandidate } from '../../images/transfer/endpoints.ts';
import { HullError } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';
import { familiarReference, formatReference, parseReference, type Reference } from '../../model/reference.ts';
import type {
  FoundRepository,
  PushedTag,
  RegistryCredentials,
  RemoteImage,
  TransferOptions,
  Transfers,
} from '../api.ts';
import type { EventBus } from '../events.ts';
import { publishImage } from './image-events.ts';
import type { ImageService } from './images.ts';

const MOST_MOUNT_CANDIDATES = 3;

export interface TransfersParts {
  readonly store: ImageStore;
  readonly registries: Registries;
  readonly making: Pick<ImageService, 'making'>;
  readonly events: EventBus;
}

/** Use cases of registries. */
export class TransferService implements Transfers {
  readonly #parts: TransfersParts;

  constructor(parts: TransfersParts) {
    this.#parts = parts;
  }

  async pull(text: string, options: TransferOptions & { readonly platform?: string }): Promise<Image> {
    const parsed = parseReference(text);
    const reference = parsed.digest === null ? { ...parsed, tag: parsed.tag ?? 'latest' } : parsed;
    return await this.#pull(reference, options);
  }

  async pullAll(
    repository: string,
    options: TransferOptions & { readonly platform?: string },
  ): Promise<readonly Image[]> {
    const reference = parseReference(repository);
    const tags = await this.#parts.registries.tags(reference, options.credentials, options.signal);
    const images: Image[] = [];
    for (const tag of tags) images.push(await this.#pull({ ...reference, tag, digest: null }, options));
    return images;
  }

  async push(
    repository: string,
    tag: string | null,
    options: TransferOptions & { readonly onPushed: (pushed: PushedTag) => void },
  ): Promise<void> {
    const { onPushed, onProgress, credentials, signal } = options;
    const reference = parseReference(repository);
    if (reference.digest !== null) throw new HullError('invalid-reference', 'cannot push a digest reference');
    const name = familiarReference(nameOf(reference));
    onProgress({ status: `The push refers to repository [${reference.domain}/${reference.path}]` });
    for (const { wanted, image } of this.#pushed(reference, tag)) {
      const sent = await this.#parts.registries.push(image, {
        reference: wanted,
        credentials,
        mounts: this.#mounts(image, reference),
        onProgress,
        signal,
      });
      this.#parts.store.tag(image.id, `${nameOf(reference)}@${sent.digest}`);
      onProgress({ status: `${wanted.tag}: digest: ${sent.digest} size: ${sent.size}` });
      onPushed({ tag: wanted.tag, ...sent });
      publishImage(this.#parts.events, 'push', image, { id: `${name}:${wanted.tag}`, name });
    }
  }

  async login(credentials: RegistryCredentials, signal?: AbortSignal): Promise<void> {
    await this.#parts.registries.login(registryOf(credentials.serverAddress ?? ''), credentials, signal);
  }

  async describe(text: string, credentials: RegistryCredentials, signal?: AbortSignal): Promise<RemoteImage> {
    return await this.#parts.registries.describe(parseReference(text), credentials, signal);
  }

  async search(
    term: string,
    limit: number,
    credentials: RegistryCredentials,
    signal?: AbortSignal,
  ): Promise<readonly FoundRepository[]> {
    return await this.#parts.registries.search(term, limit, credentials, signal);
  }

  async #pull(
    reference: Reference,
    { credentials, onProgress, platform, signal }: TransferOptions & { readonly platform?: string },
  ): Promise<Image> {
    const { store, registries, making, events } = this.#parts;
    const wanted = platform === undefined ? hostPlatform() : parsePlatform(platform);
    const name = familiarReference(nameOf(reference));
    const shown = familiarReference(
      formatReference(reference.digest === null ? reference : { ...reference, tag: null }),
    );
    const before = store.find(formatReference(reference))?.id;
    const { image, digest } = await making.making(() =>
      registries.pull({
        reference,
        credentials,
        platform: wanted,
        onProgress,
        onFound: () =>
          onProgress({
            status: `Pulling from ${reference.path}`,
            id: reference.digest ?? reference.tag ?? 'latest',
          }),
        signal,
      }),
    );
    onProgress({ status: `Digest: ${digest}` });
    const news = before === image.id ? 'Image is up to date for' : 'Downloaded newer image for';
    onProgress({ status: `Status: ${news} ${shown}` });
    publishImage(events, 'pull', image, { id: shown, name });
    return image;
  }

  /** The tags to be pushed and their images. Rejects in Docker's words. */
  #pushed(
    reference: Reference,
    tag: string | null,
  ): readonly { readonly wanted: Reference & { readonly tag: string }; readonly image: Image }[] {
    const name = nameOf(reference);
    const known = this.#parts.store
      .list()
      .flatMap(({ references }) => references)
      .filter((one) => one.startsWith(`${name}:`))
      .map((one) => one.slice(name.length + 1));
    if (known.length === 0)
      throw new HullError(
        'image-not-found',
        `An image does not exist locally with the tag: ${familiarReference(name)}`,
      );
    const tags = tag === null ? known.toSorted() : [tag];
    return tags.map((one) => {
      const image = this.#parts.store.find(`${name}:${one}`);
      if (image === null)
        throw new HullError('image-not-found', `tag does not exist: ${familiarReference(name)}:${one}`);
      return { wanted: { ...reference, tag: one }, image };
    });
  }

  /** Repositories of the same registry that other images with the same layers were pulled from or pushed to. */
  #mounts(image: Image, { domain, path }: Reference): readonly MountCandidate[] {
    const layers = new Set(image.config.rootfs.diff_ids);
    const repositories = new Set<string>();
    for (const other of this.#parts.store.list()) {
      if (!other.config.rootfs.diff_ids.some((diffId) => layers.has(diffId))) continue;
      for (const known of (other.digests ?? []).map(parseReference))
        if (known.domain === domain && known.path !== path) repositories.add(known.path);
    }
    return [...repositories].slice(0, MOST_MOUNT_CANDIDATES).map((repository) => ({ repository }));
  }
}

function nameOf({ domain, path }: Reference): string {
  return `${domain}/${path}`;
}

/** `https://index.docker.io/v1/`, `http://localhost:5000/`, `registry.example`, as clients write the registry that they log in to. */
function registryOf(address: string): string {
  const host = address.replace(/^https?:\/\//, '').split('/')[0] ?? '';
  if (host === '' || host === 'index.docker.io' || host === 'registry-1.docker.io') return 'docker.io';
  if (!/^[\w.-]+(?::\d+)?$|^\[[0-9a-fA-F:]+\](?::\d+)?$/.test(host))
    throw new HullError(
      'invalid-argument',
      `${JSON.stringify(address.slice(0, 200))} is no registry's address`,
    );
  return host;
}
