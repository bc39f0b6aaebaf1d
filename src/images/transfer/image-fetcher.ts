import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf, hexOf } from '../../lib/digest.ts';
import { KeyedLock } from '../../lib/keyed-lock.ts';
import { Slots } from '../../lib/slots.ts';
import { collect } from '../../lib/streams.ts';
import { HullError } from '../../model/errors.ts';
import type { Descriptor, Digest, Image, ImageConfig, LayerInfo, Manifest } from '../../model/image.ts';
import type { TransferProgress, TransferSink } from '../../model/transfer.ts';
import type { ContentStore } from '../../storage/content.ts';
import type { LayerStore } from '../../storage/layer-store.ts';
import { withRoomFor } from '../disk-full.ts';
import { invalid, LARGEST_DOCUMENT, parseConfig, parseManifest } from '../documents.ts';
import type { ImageStore } from '../image-store.ts';
import { choosePlatform, platformText, type Platform } from '../platform.ts';
import { download } from './download.ts';
import type { ImageSource, RemoteDocument } from './endpoints.ts';
import { BytesProgress } from './progress.ts';

/** Connections, over all transfers of the engine. */
const DOWNLOADS = 3;
/** Unpacking is work for a CPU and a disk. */
const UNPACKINGS = 2;
const SHORT_ID = 12;

export interface FetcherParts {
  readonly images: ImageStore;
  readonly layers: LayerStore;
  readonly content: ContentStore;
  /** Digest of a blob's uncompressed bytes. */
  readonly uncompressedDigest: (stream: AsyncIterable<Uint8Array>) => Promise<Digest>;
  /** Runs `use` with a path on the store's filesystem (not made) that is removed afterwards. */
  readonly withTemporary: <T>(use: (path: string) => Promise<T>) => Promise<T>;
  /** Layers that stay although no image has them. */
  readonly keptLayers: () => ReadonlySet<Digest>;
}

export interface FetchRequest {
  /** A tag or digest of the source. */
  readonly reference: string;
  readonly platform: Platform;
  /** The names that the image gets, when the digest of what the reference leads to (an index, perhaps) is known. */
  readonly names: (digest: Digest) => readonly string[];
  readonly onProgress: TransferSink;
  /** Called when the source has answered: from here on there is something to be told. */
  readonly onFound?: (document: RemoteDocument) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface Fetched {
  readonly image: Image;
  /** Of what the reference leads to. */
  readonly digest: Digest;
}

/** What is to be fetched: documents verified, layers by descriptor and DiffID. */
interface Wanted {
  readonly config: { readonly value: ImageConfig; readonly data: Uint8Array };
  readonly manifest: { readonly value: Manifest; readonly data: Uint8Array };
  readonly layers: readonly { readonly descriptor: Descriptor; readonly diffId: Digest }[];
}

interface Job {
  readonly source: ImageSource;
  readonly folder: string;
  readonly say: (descriptor: Descriptor, progress: Omit<TransferProgress, 'id'>) => void;
  readonly signal: AbortSignal;
  /** Layers that this job brought into the store. */
  readonly made: Set<Digest>;
}

/** Takes images from a source into the store: what is missing, side by side, each blob verified before it is unpacked. */
export class ImageFetcher {
  readonly #parts: FetcherParts;
  readonly #downloads = new Slots(DOWNLOADS);
  readonly #unpackings = new Slots(UNPACKINGS);
  /** The same blob is not fetched twice at the same time. */
  readonly #blobs = new KeyedLock();

  constructor(parts: FetcherParts) {
    this.#parts = parts;
  }

  /** Rejects `image-not-found`, `manifest-invalid`, `blob-corrupt`, `no-space` and what the source rejects. Layers that only this fetch brought go again when it fails. */
  async fetch(source: ImageSource, request: FetchRequest): Promise<Fetched> {
    const { top, manifest } = await this.#resolve(source, request);
    request.onFound?.(top);
    const wanted = await this.#wanted(source, manifest);
    const diffIds = wanted.layers.map(({ diffId }) => diffId);
    const release = this.#parts.layers.hold(diffIds);
    const made = new Set<Digest>();
    try {
      const layers = await withRoomFor('the image', () =>
        this.#parts.withTemporary((folder) => this.#fetchLayers(source, wanted, request, folder, made)),
      );
      request.signal?.throwIfAborted();
      const names = request.names(top.digest);
      const image = await this.#parts.images.adopt({ ...wanted, layers, references: names });
      made.clear();
      return { image, digest: top.digest };
    } finally {
      release();
      if (made.size > 0) await this.#discard(made);
    }
  }

  async #resolve(
    source: ImageSource,
    { reference, platform }: FetchRequest,
  ): Promise<{ top: RemoteDocument; manifest: RemoteDocument & { readonly value: Manifest } }> {
    const top = await source.document(reference);
    const parsed = parseManifest(top.data, top.mediaType);
    if (parsed.kind === 'image') return { top, manifest: { ...top, value: parsed.manifest } };
    const chosen = choosePlatform(parsed.manifests, platform);
    if (chosen === null)
      throw new HullError(
        'image-not-found',
        `no matching manifest for ${platformText(platform)} in the manifest list entries`,
      );
    const inner = await source.document(chosen.digest);
    const image = parseManifest(inner.data, inner.mediaType);
    if (image.kind === 'index') throw invalid('index', 'it holds another index');
    return { top, manifest: { ...inner, value: image.manifest } };
  }

  async #wanted(
    source: ImageSource,
    manifest: RemoteDocument & { readonly value: Manifest },
  ): Promise<Wanted> {
    const { config: descriptor, layers } = manifest.value;
    if (descriptor.size > LARGEST_DOCUMENT)
      throw invalid('configuration', `it is larger than ${LARGEST_DOCUMENT} bytes`);
    const data = await collectDocument(await source.blob(descriptor, 0));
    if (digestOf(data) !== descriptor.digest)
      throw new HullError('blob-corrupt', `image config verification failed for digest ${descriptor.digest}`);
    const value = parseConfig(data);
    if (value.os !== '' && value.os !== 'linux')
      throw new HullError(
        'not-supported',
        `image operating system ${JSON.stringify(value.os)} cannot be used on this platform`,
      );
    const diffIds = value.rootfs.diff_ids;
    if (diffIds.length !== layers.length)
      throw invalid('manifest', `it has ${layers.length} layers, the configuration ${diffIds.length}`);
    const pairs = layers.map((layer, index) => ({
      descriptor: layer,
      diffId: diffIds[index] ?? layer.digest,
    }));
    return { config: { value, data }, manifest, layers: pairs };
  }

  /** All of them, bottom first. When one fails the others are broken off and waited for. */
  async #fetchLayers(
    source: ImageSource,
    wanted: Wanted,
    { onProgress, signal }: FetchRequest,
    folder: string,
    made: Set<Digest>,
  ): Promise<LayerInfo[]> {
    await mkdir(folder, { mode: 0o700 });
    const failed = new AbortController();
    const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
    const say = (descriptor: Descriptor, progress: Omit<TransferProgress, 'id'>): void =>
      onProgress({ ...progress, id: shortId(descriptor.digest) });
    // An image that is here as a whole is not spoken of layer by layer.
    const missing = wanted.layers.filter(
      ({ descriptor, diffId }) => this.#known(descriptor, diffId) === null,
    );
    if (missing.length > 0)
      for (const layer of wanted.layers)
        say(layer.descriptor, { status: missing.includes(layer) ? 'Pulling fs layer' : 'Already exists' });
    const job: Job = { source, folder, say, signal: either, made };
    const results = wanted.layers.map(async (layer, index) => {
      try {
        return await this.#layer(job, layer.descriptor, layer.diffId, index);
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    });
    await Promise.allSettled(results);
    signal?.throwIfAborted();
    // The first failure is the abort's reason; the others only followed it.
    failed.signal.throwIfAborted();
    return await Promise.all(results);
  }

  async #layer(job: Job, descriptor: Descriptor, diffId: Digest, index: number): Promise<LayerInfo> {
    const { say, signal } = job;
    const early = this.#known(descriptor, diffId);
    if (early !== null) return early;
    if (this.#downloads.full) say(descriptor, { status: 'Waiting' });
    return await this.#blobs.run(descriptor.digest, async () => {
      signal.throwIfAborted();
      const known = this.#known(descriptor, diffId);
      if (known !== null) {
        say(descriptor, { status: 'Already exists' });
        return known;
      }
      const path = join(job.folder, String(index));
      const downloading = new BytesProgress('Downloading', descriptor.size, (progress) =>
        say(descriptor, progress),
      );
      await this.#downloads.run(() =>
        download(job.source, descriptor, path, { signal, onProgress: (bytes) => downloading.at(bytes) }),
      );
      say(descriptor, { status: 'Verifying Checksum' });
      say(descriptor, { status: 'Download complete' });
      const layer = await this.#unpackings.run(() => this.#unpack(job, descriptor, diffId, path));
      say(descriptor, { status: 'Pull complete' });
      return layer;
    });
  }

  async #unpack(job: Job, blob: Descriptor, diffId: Digest, path: string): Promise<LayerInfo> {
    const { layers, content } = this.#parts;
    const { say, signal } = job;
    signal.throwIfAborted();
    const known = layers.find(diffId);
    if (known !== null && layers.isUnpacked(diffId)) {
      // The same layer in another compression: the manifest wants exactly these bytes.
      const stream = createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Uint8Array>;
      if ((await this.#parts.uncompressedDigest(stream)) !== diffId)
        throw new HullError('blob-corrupt', `the layer ${blob.digest} does not unpack to ${diffId}`);
      await content.adopt(path, blob);
      return known;
    }
    const extracting = new BytesProgress('Extracting', blob.size, (progress) => say(blob, progress));
    const layer = await layers.importFile({
      path,
      blob,
      diffId,
      signal,
      onProgress: (bytes) => extracting.at(bytes),
    });
    job.made.add(diffId);
    return layer;
  }

  /** The layer, when both it and exactly this blob of it are here. */
  #known(descriptor: Descriptor, diffId: Digest): LayerInfo | null {
    const { layers, content } = this.#parts;
    const known = layers.find(diffId);
    return known !== null && layers.isUnpacked(diffId) && content.find(descriptor.digest) !== null
      ? known
      : null;
  }

  async #discard(made: ReadonlySet<Digest>): Promise<void> {
    const kept = this.#parts.keptLayers();
    const used = new Set(this.#parts.images.list().flatMap(({ config }) => config.rootfs.diff_ids));
    await this.#parts.layers.remove([...made].filter((diffId) => !kept.has(diffId) && !used.has(diffId)));
  }
}

async function collectDocument(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  try {
    return await collect(stream, LARGEST_DOCUMENT);
  } catch (error) {
    if (error instanceof RangeError)
      throw invalid('configuration', `it is larger than ${LARGEST_DOCUMENT} bytes`);
    throw error;
  }
}

export function shortId(digest: Digest): string {
  return hexOf(digest).slice(0, SHORT_ID);
}
