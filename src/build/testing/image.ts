import { digestOf } from '../../lib/digest.ts';
import type { Image, ImageConfig, LayerInfo } from '../../model/image.ts';

/** A layer value for tests: its DiffID is made from `name`. */
export function layerNamed(name: string): LayerInfo {
  const diffId = digestOf(name);
  return {
    diffId,
    blob: { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: diffId, size: 1 },
    unpackedSize: 1,
  };
}

/** An image value for tests. */
export function imageNamed(
  name: string,
  config: ImageConfig['config'] = {},
  layers: readonly LayerInfo[] = [layerNamed(name)],
): Image {
  const id = digestOf(`image ${name}`);
  const descriptor = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: id, size: 1 };
  return {
    id,
    manifestDigest: id,
    manifest: {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptor,
      layers: [],
    },
    config: {
      created: '2024-01-02T03:04:05.000Z',
      architecture: 'amd64',
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
      history: layers.map(() => ({ created: '2024-01-02T03:04:05.000Z', created_by: `made ${name}` })),
    },
    layers,
    references: [name],
    storedAt: 0,
  };
}
