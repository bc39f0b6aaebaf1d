import { applyChanges } from '../../build/changes.ts';
import { loadArchive, type LoadParts } from '../../images/archive/load.ts';
import { saveArchive } from '../../images/archive/save.ts';
import { importTree } from '../../images/import-tree.ts';
import { hostPlatform, parsePlatform } from '../../images/platform.ts';
import type { HttpTransport } from '../../images/registry/transport.ts';
import { fetchAddress } from '../../images/registry/web.ts';
import { HullError, isHullError } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';
import { formatReference, parseReference, type Reference } from '../../model/reference.ts';
import type { TransferSink } from '../../model/transfer.ts';
import type { Archives, ImportOptions, LoadedImage } from '../api.ts';
import type { EventBus } from '../events.ts';
import { publishImage } from './image-events.ts';
import type { ImageService } from './images.ts';

export interface ArchivesParts {
  readonly loading: LoadParts;
  readonly transport: HttpTransport;
  /** An archive as a client sent it, with compressions that storage does not know undone. */
  readonly plainArchive: (archive: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
  readonly making: Pick<ImageService, 'making'>;
  readonly events: EventBus;
}

/** Use cases of images in files. */
export class ArchiveService implements Archives {
  readonly #parts: ArchivesParts;

  constructor(parts: ArchivesParts) {
    this.#parts = parts;
  }

  async save(references: readonly string[]): Promise<AsyncIterable<Uint8Array>> {
    const { loading, events } = this.#parts;
    const chosen = new Map<string, { image: Image; names: Set<string> }>();
    for (const reference of references) {
      const found = this.#named(reference);
      for (const { image, name } of found) {
        const entry = chosen.get(image.id) ?? { image, names: new Set() };
        if (name !== null) entry.names.add(name);
        chosen.set(image.id, entry);
      }
    }
    const images = [...chosen.values()].map(({ image, names }) => ({ image, names: [...names].toSorted() }));
    const stream = await saveArchive(loading.content, images);
    for (const { image } of images) publishImage(events, 'save', image);
    return stream;
  }

  async load(
    stream: AsyncIterable<Uint8Array>,
    onProgress: TransferSink,
    onLoaded: (loaded: LoadedImage) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const { loading, events, making, plainArchive } = this.#parts;
    await making.making(() =>
      loadArchive(loading, plainArchive(stream), {
        onProgress,
        onLoaded: (image, names, before) => {
          const replaced = new Map([...before].filter(([, id]) => id !== image.id));
          onLoaded({ image, names, replaced });
          publishImage(events, 'load', image);
        },
        signal,
      }),
    );
  }

  async import(
    stream: AsyncIterable<Uint8Array>,
    { reference, changes, message, platform }: ImportOptions,
  ): Promise<Image> {
    const { loading, events, making, plainArchive } = this.#parts;
    if (reference !== undefined && parseReference(reference).digest !== null)
      throw new HullError('invalid-reference', 'cannot import digest reference');
    const config = applyChanges({}, changes);
    const image = await making.making(() =>
      importTree(loading, {
        stream: plainArchive(stream),
        config,
        platform: platform === undefined ? hostPlatform() : parsePlatform(platform),
        comment: message ?? 'Imported from -',
        references: reference === undefined ? [] : [reference],
      }),
    );
    publishImage(events, 'import', image);
    return image;
  }

  async fetch(url: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    return await fetchAddress(this.#parts.transport, url, signal);
  }

  /** A tag; every tag of a repository that was named without one; or an image by its id or digest, which is saved without a name. */
  #named(text: string): { image: Image; name: string | null }[] {
    const { images } = this.#parts.loading;
    const reference = parsed(text);
    if (reference !== null && reference.tag === null && reference.digest === null) {
      const start = `${formatReference(reference)}:`;
      const tags = images
        .list()
        .flatMap((image) =>
          image.references.filter((name) => name.startsWith(start)).map((name) => ({ image, name })),
        );
      if (tags.length > 0) return tags;
    }
    const image = images.get(text);
    const full = reference === null ? '' : formatReference(reference);
    return [{ image, name: image.references.includes(full) ? full : null }];
  }
}

function parsed(text: string): Reference | null {
  try {
    return parseReference(text);
  } catch (error) {
    if (isHullError(error, 'invalid-reference')) return null;
    throw error;
  }
}
