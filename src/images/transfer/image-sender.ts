import { setTimeout as sleep } from 'node:timers/promises';
import { Slots } from '../../lib/slots.ts';
import { tap } from '../../lib/streams.ts';
import { isHullError } from '../../model/errors.ts';
import type { Descriptor, Digest, Image } from '../../model/image.ts';
import type { TransferProgress, TransferSink } from '../../model/transfer.ts';
import type { ContentStore } from '../../storage/content.ts';
import type { ImageSink, MountCandidate } from './endpoints.ts';
import { shortId } from './image-fetcher.ts';
import { BytesProgress } from './progress.ts';

/** Connections of one push. */
const UPLOADS = 4;
const ATTEMPTS = 4;
const PAUSE = 500;

export interface SendRequest {
  readonly tag: string;
  /** Repositories of the same registry that may have layers of the image. */
  readonly mounts: readonly MountCandidate[];
  readonly onProgress: TransferSink;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds before an upload that broke off is begun anew; doubled each time. */
  readonly pause?: number;
}

/** What a registry knows the image by now. */
export interface Sent {
  readonly digest: Digest;
  /** Bytes of the manifest. */
  readonly size: number;
}

interface Blob {
  /** What clients see: the layer's DiffID. Null: it is not shown. */
  readonly shown: Digest | null;
  readonly descriptor: Descriptor;
}

/** Brings an image to a repository as it is stored, byte for byte: what is missing there, side by side, then the manifest. Rejects what the sink rejects, and `blob-corrupt`. */
export async function sendImage(
  content: Pick<ContentStore, 'read' | 'stream'>,
  sink: ImageSink,
  image: Image,
  request: SendRequest,
): Promise<Sent> {
  const blobs = layerBlobs(image);
  const say = ({ shown }: Blob, progress: Omit<TransferProgress, 'id'>): void => {
    if (shown !== null) request.onProgress({ ...progress, id: shortId(shown) });
  };
  for (const blob of blobs) say(blob, { status: 'Preparing' });
  const manifest = await content.read(image.manifestDigest);
  const slots = new Slots(UPLOADS);
  const failed = new AbortController();
  const results = [...blobs, { shown: null, descriptor: image.manifest.config }].map(async (blob) => {
    if (slots.full) say(blob, { status: 'Waiting' });
    try {
      await slots.run(async () => {
        failed.signal.throwIfAborted();
        request.signal?.throwIfAborted();
        await sendBlob(content, sink, blob, request, (progress) => say(blob, progress));
      });
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(results);
  request.signal?.throwIfAborted();
  failed.signal.throwIfAborted();
  await sink.publish(request.tag, image.manifest.mediaType, manifest);
  return { digest: image.manifestDigest, size: manifest.length };
}

/** Top first, as Docker's clients are used to; the same blob once. */
function layerBlobs(image: Image): Blob[] {
  const blobs = new Map<Digest, Blob>();
  for (const [index, descriptor] of image.manifest.layers.entries())
    blobs.set(descriptor.digest, {
      shown: image.config.rootfs.diff_ids[index] ?? descriptor.digest,
      descriptor,
    });
  return [...blobs.values()].toReversed();
}

async function sendBlob(
  content: Pick<ContentStore, 'stream'>,
  sink: ImageSink,
  { descriptor }: Blob,
  { mounts, signal, pause = PAUSE }: SendRequest,
  say: (progress: Omit<TransferProgress, 'id'>) => void,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      if (await sink.has(descriptor)) return say({ status: 'Layer already exists' });
      for (const candidate of mounts)
        if (await sink.mount(descriptor, candidate))
          return say({ status: `Mounted from ${candidate.repository}` });
      await sink.upload(descriptor, () => {
        const progress = new BytesProgress('Pushing', descriptor.size, say);
        let bytes = 0;
        return tap(content.stream(descriptor.digest), (chunk) => {
          bytes += chunk.length;
          progress.at(bytes);
        });
      });
      return say({ status: 'Pushed' });
    } catch (error) {
      signal?.throwIfAborted();
      if (attempt === ATTEMPTS || !isHullError(error, 'registry-unreachable')) throw error;
      say({ status: 'Retrying' });
      await sleep(pause * 2 ** (attempt - 1), undefined, signal === undefined ? {} : { signal });
    }
  }
}
