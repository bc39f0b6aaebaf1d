import { LayerHolds } from '../lib/layer-holds.ts';
import type { Digest, Image, ImageRunConfig } from '../model/image.ts';
import type { LayerStore } from '../storage/layer-store.ts';
import type { ImageStore } from './image-store.ts';
import type { Platform } from './platform.ts';

export interface ImportRequest {
  /** A root filesystem's tar stream, plain or compressed. */
  readonly stream: AsyncIterable<Uint8Array>;
  readonly config: ImageRunConfig;
  readonly platform: Platform;
  readonly comment: string;
  readonly references: readonly string[];
}

/** An image of one layer, from a root filesystem. Rejects `archive-invalid`, `no-space`. */
export async function importTree(
  { images, layers }: { readonly images: ImageStore; readonly layers: LayerStore },
  { stream, config, platform, comment, references }: ImportRequest,
): Promise<Image> {
  using holds = new LayerHolds(layers);
  const layer = await layers.importTar({ stream }, holds);
  const created = new Date().toISOString();
  const { os, architecture, variant } = platform;
  const about = { created, architecture, os, ...(variant === undefined ? {} : { variant }) };
  return await images.commit({ ...about, config, history: [{ created, comment }] }, [layer], references);
}

/** The chain ids of layers, bottom first: what Docker names layers by when it removes them (image-spec, config.md, "Layer ChainID"). */
export function chainIds(diffIds: readonly Digest[], digestOf: (text: string) => Digest): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : digestOf(`${below} ${diffId}`));
  }
  return chain;
}
