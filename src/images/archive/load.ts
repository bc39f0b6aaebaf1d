import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { TarError } from '../../lib/tar/types.ts';
import { HullError, isHullError } from '../../model/errors.ts';
import type { Digest, Image, LayerInfo } from '../../model/image.ts';
import type { TransferSink } from '../../model/transfer.ts';
import { withRoomFor } from '../disk-full.ts';
import { parseConfig } from '../documents.ts';
import { hostPlatform } from '../platform.ts';
import { shortId, type FetcherParts, type ImageFetcher } from '../transfer/image-fetcher.ts';
import { BytesProgress } from '../transfer/progress.ts';
import { ArchiveSource, imagesOf, smallFile, type ArchivedImage } from './contents.ts';
import { invalid, spool, type SpooledArchive } from './spool.ts';

export interface LoadParts extends FetcherParts {
  readonly fetcher: ImageFetcher;
  /** The plain stream of one that may be compressed. */
  readonly decompressed: (stream: AsyncIterable<Uint8Array>) => Promise<AsyncIterable<Uint8Array>>;
}

export interface LoadRequest {
  readonly onProgress: TransferSink;
  /** Called for each image that is there now, with its names. */
  readonly onLoaded: (image: Image, names: readonly string[], replaced: ReadonlyMap<string, Digest>) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Makes the images of an archive, one after the other. Rejects `archive-invalid`, `manifest-invalid`, `no-space`: of the image that failed nothing stays. */
export async function loadArchive(
  parts: LoadParts,
  stream: AsyncIterable<Uint8Array>,
  request: LoadRequest,
): Promise<void> {
  await parts.withTemporary(async (folder) => {
    await mkdir(folder, { mode: 0o700 });
    const archive = await asArchive(async () =>
      spool(await parts.decompressed(stream), folder, request.signal),
    );
    for (const listed of await asArchive(() => imagesOf(archive))) {
      request.signal?.throwIfAborted();
      const replaced = replacedBy(parts, listed.names);
      const image = await asArchive(() => loadImage(parts, archive, listed, request));
      request.onLoaded(image, listed.names, replaced);
    }
  });
}

async function loadImage(
  parts: LoadParts,
  archive: SpooledArchive,
  listed: ArchivedImage,
  request: LoadRequest,
): Promise<Image> {
  if (listed.kind === 'files') return await loadFiles(parts, listed, request);
  const { image } = await parts.fetcher.fetch(new ArchiveSource(archive), {
    reference: listed.manifest,
    platform: hostPlatform(),
    names: () => listed.names,
    onProgress: (progress) => {
      if (progress.status === 'Extracting') request.onProgress({ ...progress, status: 'Loading layer' });
    },
    signal: request.signal,
  });
  return image;
}

async function loadFiles(
  { images, layers, keptLayers }: LoadParts,
  { config: file, layers: files, names }: ArchivedImage & { readonly kind: 'files' },
  { onProgress, signal }: LoadRequest,
): Promise<Image> {
  const data = await smallFile(file);
  const value = parseConfig(data);
  const diffIds = value.rootfs.diff_ids;
  if (diffIds.length !== files.length)
    throw invalid(`an image has ${files.length} layers, its configuration ${diffIds.length}`);
  const release = layers.hold(diffIds);
  const made: Digest[] = [];
  try {
    const found: LayerInfo[] = [];
    for (const [index, diffId] of diffIds.entries()) {
      signal?.throwIfAborted();
      const layer = files[index];
      if (layer === undefined) throw invalid(`the layer ${diffId} is missing`);
      if (layers.find(diffId) === null) made.push(diffId);
      const progress = new BytesProgress('Loading layer', layer.size, (said) =>
        onProgress({ ...said, id: shortId(diffId) }),
      );
      found.push(await layers.importTar({ stream: counted(layer.path, progress), diffId }));
    }
    const image = await images.adopt({
      config: { value, data },
      manifest: null,
      layers: found,
      references: names,
    });
    made.length = 0;
    return image;
  } finally {
    release();
    const kept = keptLayers();
    const used = new Set(images.list().flatMap(({ config }) => config.rootfs.diff_ids));
    await layers.remove(made.filter((diffId) => !kept.has(diffId) && !used.has(diffId)));
  }
}

async function* counted(path: string, progress: BytesProgress): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
    bytes += (chunk as Uint8Array).length;
    progress.at(bytes);
    yield chunk as Uint8Array;
  }
}

/** The images that lose these names. */
function replacedBy({ images }: LoadParts, names: readonly string[]): ReadonlyMap<string, Digest> {
  return new Map(
    names.flatMap((name): [string, Digest][] => {
      const old = images.find(name);
      return old === null ? [] : [[name, old.id]];
    }),
  );
}

/** What is wrong with the bytes is wrong with the archive. */
async function asArchive<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await withRoomFor('the archive', work);
  } catch (error) {
    if (error instanceof TarError)
      throw new HullError('archive-invalid', `invalid archive: ${error.message}`, { cause: error });
    if (
      isHullError(error, 'blob-corrupt') ||
      isHullError(error, 'manifest-invalid') ||
      isHullError(error, 'invalid-reference')
    )
      throw new HullError('archive-invalid', `invalid archive: ${error.message}`, { cause: error });
    throw error;
  }
}
