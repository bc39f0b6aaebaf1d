import type { EngineParts } from '../engine/parts.ts';
import type { ImageStore } from '../images/image-store.ts';
import { Registries } from '../images/registry/registries.ts';
import { createTransport } from '../images/registry/transport.ts';
import { ImageFetcher } from '../images/transfer/image-fetcher.ts';
import type { Digest } from '../model/image.ts';
import type { Storage } from '../storage/index.ts';

/** Joins what brings images from elsewhere and takes them there. */
export function transferParts({
  storage,
  images,
  keptLayers,
}: {
  readonly storage: Storage;
  readonly images: ImageStore;
  readonly keptLayers: () => ReadonlySet<Digest>;
}): Pick<EngineParts, 'registries' | 'loading' | 'transport'> {
  const { content, layers, uncompressedDigest, decompressed } = storage;
  const withTemporary = <T>(use: (path: string) => Promise<T>): Promise<T> => storage.withTemporary(use);
  const parts = { content, images, keptLayers, layers, uncompressedDigest, withTemporary };
  const fetcher = new ImageFetcher(parts);
  const transport = createTransport();
  return {
    transport,
    registries: new Registries({ content, fetcher, transport }),
    loading: { ...parts, fetcher, decompressed },
  };
}
