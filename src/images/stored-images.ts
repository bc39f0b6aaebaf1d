import { isDigest } from '../lib/digest.ts';
import { KeyedLock } from '../lib/keyed-lock.ts';
import { HullError } from '../model/errors.ts';
import type { Descriptor, Digest, Image, ImageConfig, LayerInfo, Manifest } from '../model/image.ts';
import {
  familiarReference,
  formatReference,
  normalizeReference,
  parseReference,
} from '../model/reference.ts';
import type { ImageRecord, Repositories } from '../state/repositories.ts';
import type { ContentStore, StoredBlob } from '../storage/content.ts';
import type { LayerStore } from '../storage/layer-store.ts';
import type { ForeignImage, ImageStore } from './image-store.ts';
import { parseConfig, parseManifest } from './documents.ts';
import { CONFIG_TYPE, MANIFEST_TYPE } from './media-types.ts';

const HEX_PREFIX = /^(?:sha256:)?([0-9a-f]{1,64})$/;

export interface ImageStoreParts {
  readonly repositories: Repositories;
  readonly content: ContentStore;
  readonly layers: LayerStore;
  /** Told after an image is gone when no other has the same layers: what was derived from them can go too. */
  readonly onLayersUnused?: (diffIds: readonly Digest[]) => Promise<void>;
}

/** Images as records over content and layers. */
export function createImageStore(parts: ImageStoreParts): ImageStore {
  return new StoredImages(parts);
}

class StoredImages implements ImageStore {
  readonly #parts: ImageStoreParts;
  readonly #lock = new KeyedLock();

  constructor(parts: ImageStoreParts) {
    this.#parts = parts;
  }

  list(): readonly Image[] {
    return this.#parts.repositories.images.list().map((record) => this.#toImage(record));
  }

  find(reference: string): Image | null {
    const id = this.#idOf(reference);
    const record = id === null ? null : this.#parts.repositories.images.find(id);
    return record === null ? null : this.#toImage(record);
  }

  get(reference: string): Image {
    const found = this.find(reference);
    if (found !== null) return found;
    // What can be no image's name is not missing, but wrong.
    if (!HEX_PREFIX.test(reference)) parseReference(reference);
    // In Docker's words: its clients pull what is missing when they read them.
    throw new HullError('image-not-found', `No such image: ${shownName(reference)}`);
  }

  async commit(
    config: Omit<ImageConfig, 'rootfs'>,
    layers: readonly LayerInfo[],
    references: readonly string[],
  ): Promise<Image> {
    const names = references.map(canonicalName);
    return await this.#alone(async () => {
      const diffIds = layers.map((layer) => layer.diffId);
      const value: ImageConfig = { ...config, rootfs: { type: 'layers', diff_ids: diffIds } };
      return await this.#commit(documentOf(value), null, layers, names);
    });
  }

  async adopt({ config, manifest, layers, references }: ForeignImage): Promise<Image> {
    const names = references.map(canonicalName);
    return await this.#alone(() => this.#commit(config, manifest, layers, names));
  }

  async remove(image: Digest, isWanted: (image: Image) => boolean = () => false): Promise<readonly Digest[]> {
    return await this.#alone(() => this.#remove(image, isWanted));
  }

  async prune(keep: ReadonlySet<Digest>): Promise<readonly LayerInfo[]> {
    return await this.#alone(async () => {
      const { content, layers, repositories } = this.#parts;
      const unused = repositories.layers.unused().filter(({ diffId }) => !keep.has(diffId));
      await layers.remove(unused.map(({ diffId }) => diffId));
      await content.remove(repositories.blobs.unused().map(({ digest }) => digest));
      return unused.filter(({ diffId }) => layers.find(diffId) === null);
    });
  }

  damaged(reference: string): Digest | null {
    const { images } = this.#parts.repositories;
    const id = this.#idOf(reference);
    return images.damaged().some((one) => one.id === id) ? id : null;
  }

  async restore(id: Digest): Promise<void> {
    await this.#alone(async () => {
      const { content, repositories } = this.#parts;
      const found = repositories.images.damaged().find((one) => one.id === id);
      if (found === undefined) return;
      const config = parseConfig(await content.read(id));
      const parsed = parseManifest(await content.read(found.manifestDigest));
      if (parsed.kind !== 'image') throw new HullError('manifest-invalid', 'its manifest is an index');
      const { manifest } = parsed;
      const { manifestDigest } = found;
      repositories.durably(() =>
        repositories.images.add({ id, manifestDigest, manifest, config, storedAt: Date.now() }),
      );
    });
  }

  discard(id: Digest): void {
    this.#parts.repositories.durably(() => this.#parts.repositories.images.remove(id));
  }

  #idOf(reference: string): Digest | null {
    return this.#byReference(reference) ?? this.#byDigest(reference) ?? this.#byPrefix(reference);
  }

  /** One change at a time: a commit's blobs are not yet named by a record, and would go with a removal's. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#lock.run('', work);
  }

  async #commit(
    config: Document<ImageConfig>,
    foreign: Document<Manifest> | null,
    layers: readonly LayerInfo[],
    names: readonly string[],
  ): Promise<Image> {
    const { content, repositories } = this.#parts;
    const configBlob = await content.put(config.data);
    const known = foreign === null ? this.#knownManifest(configBlob.digest) : null;
    const made = foreign ?? documentOf(manifestOf(configBlob, layers));
    const manifestDigest = known?.digest ?? (await content.put(made.data)).digest;
    const manifest = known?.value ?? made.value;
    const record: ImageRecord = {
      id: configBlob.digest,
      manifestDigest,
      manifest,
      config: config.value,
      storedAt: Date.now(),
    };
    repositories.durably(() => {
      const missing = layers.find(({ diffId }) => repositories.layers.find(diffId) === null);
      if (missing !== undefined)
        throw new HullError(
          'state-corrupt',
          `the layer ${missing.diffId} was removed while the image was made; make it again`,
        );
      repositories.images.add(record);
      // The image's earlier manifest, if it had one, goes on being kept.
      const named = foreign === null ? [] : [manifestDigest, ...manifest.layers.map(({ digest }) => digest)];
      for (const digest of named) repositories.images.addBlob(record.id, digest);
      for (const name of names) repositories.images.setReference(name, record.id);
    });
    return this.#toImage(record);
  }

  /** An image that is made once more keeps the manifest that registries know it by. */
  #knownManifest(id: Digest): { readonly value: Manifest; readonly digest: Digest } | null {
    const { content, repositories } = this.#parts;
    const known = repositories.images.find(id);
    if (known === null || content.find(known.manifestDigest) === null) return null;
    return { value: known.manifest, digest: known.manifestDigest };
  }

  tag(image: Digest, reference: string): void {
    const { images } = this.#parts.repositories;
    if (images.find(image) === null) throw new HullError('image-not-found', `no image has the id ${image}`);
    images.setReference(canonicalName(reference), image);
  }

  untag(reference: string): void {
    this.#parts.repositories.images.removeReference(canonicalName(reference));
  }

  async #remove(image: Digest, isWanted: (image: Image) => boolean): Promise<readonly Digest[]> {
    const { repositories, content, layers, onLayersUnused } = this.#parts;
    const record = repositories.images.find(image);
    if (record === null) throw new HullError('image-not-found', `no image has the id ${image}`);
    if (isWanted(this.#toImage(record))) return [];
    const named = repositories.images.blobs(image);
    repositories.durably(() => repositories.images.remove(image));
    const diffIds = record.config.rootfs.diff_ids;
    const others = repositories.images.list();
    // By the rows that name layers: images whose own rows are damaged keep theirs.
    const unnamed = new Set(repositories.layers.unused().map(({ diffId }) => diffId));
    const unused = [...new Set(diffIds)].filter((diffId) => unnamed.has(diffId));
    if (!others.some((other) => other.config.rootfs.diff_ids.join() === diffIds.join()))
      await onLayersUnused?.(diffIds);
    await layers.remove(unused);
    const free = new Set(repositories.blobs.unused().map(({ digest }) => digest));
    const blobs = new Set([record.id, record.manifestDigest, ...named]);
    await content.remove([...blobs].filter((digest) => free.has(digest)));
    return [image, ...unused.filter((diffId) => layers.find(diffId) === null)];
  }

  #byReference(text: string): Digest | null {
    const { images } = this.#parts.repositories;
    const canonical = orNull(() => normalizeReference(text));
    if (canonical === null) return null;
    const { digest } = parseReference(canonical);
    if (digest === null) return images.resolve(canonical);
    const exact = images.resolve(canonicalName(canonical));
    const same = exact ?? images.findByManifest(digest) ?? this.#byId(digest);
    // A digest in another repository's name is not this image's.
    return exact === null && same !== null && !this.#isIn(same, canonical) ? null : same;
  }

  /** Has the image a name in the reference's repository? */
  #isIn(id: Digest, canonical: string): boolean {
    const repository = repositoryOf(canonical);
    return this.#parts.repositories.images.references(id).some((name) => repositoryOf(name) === repository);
  }

  #byDigest(text: string): Digest | null {
    const { images } = this.#parts.repositories;
    if (!isDigest(text)) return null;
    return this.#byId(text) ?? images.findByManifest(text);
  }

  /** Whether its record can be read or not. */
  #byId(digest: Digest): Digest | null {
    return this.#parts.repositories.images.findByPrefix(digest.slice('sha256:'.length), 1)[0] ?? null;
  }

  #byPrefix(text: string): Digest | null {
    const hex = HEX_PREFIX.exec(text)?.[1];
    if (hex === undefined) return null;
    const [only, second] = this.#parts.repositories.images.findByPrefix(hex, 2);
    if (second !== undefined)
      throw new HullError('ambiguous-id', `more than one image id starts with ${hex}; give more digits`);
    return only ?? null;
  }

  #toImage(record: ImageRecord): Image {
    const { repositories, layers } = this.#parts;
    const references = repositories.images.references(record.id);
    return {
      ...record,
      layers: record.config.rootfs.diff_ids.map(
        (diffId, index) => layers.find(diffId) ?? missingLayer(record, diffId, index),
      ),
      references: references.filter((name) => !name.includes('@')),
      digests: references.filter((name) => name.includes('@')),
    };
  }
}

function repositoryOf(text: string): string {
  const { domain, path } = parseReference(text);
  return `${domain}/${path}`;
}

/** A value, and the bytes that it was read from or is written as. */
interface Document<T> {
  readonly value: T;
  readonly data: Uint8Array;
}

function documentOf<T>(value: T): Document<T> {
  return { value, data: new TextEncoder().encode(JSON.stringify(value)) };
}

function manifestOf(config: StoredBlob, layers: readonly LayerInfo[]): Manifest {
  return {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: config.digest, size: config.size },
    layers: layers.map((layer): Descriptor => layer.blob),
  };
}

/** What was asked for as users know it: with the tag that was meant. */
function shownName(text: string): string {
  return orNull(() => familiarReference(normalizeReference(text))) ?? text.slice(0, 300);
}

/** As a reference is recorded: `name:tag`, or `name@digest`, where a tag beside the digest says nothing. */
function canonicalName(text: string): string {
  const reference = parseReference(text);
  if (`${reference.domain}/${reference.path}` === 'docker.io/library/sha256')
    throw new HullError(
      'invalid-reference',
      'refusing to create an ambiguous tag using digest algorithm as name',
    );
  return reference.digest === null ? normalizeReference(text) : formatReference({ ...reference, tag: null });
}

/** A layer whose record is lost: the image stays visible, so that it can be checked, repaired or removed. */
function missingLayer(record: ImageRecord, diffId: Digest, index: number): LayerInfo {
  return { diffId, blob: record.manifest.layers[index] ?? record.manifest.config, unpackedSize: 0 };
}

function orNull<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}
