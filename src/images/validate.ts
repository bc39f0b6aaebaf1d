import { isDigest, digestOf } from '../lib/digest.ts';
import type { Descriptor, Digest, Image } from '../model/image.ts';
import type { ContentStore } from '../storage/content.ts';
import type { LayerStore } from '../storage/layer-store.ts';
import { parseConfig, parseManifest } from './documents.ts';
import { CONFIG_TYPES, LAYER_TYPES, MANIFEST_TYPES } from './media-types.ts';

export interface ValidateParts {
  readonly content: ContentStore;
  readonly layers: LayerStore;
  /** Digest of a blob's uncompressed bytes, for deep checks. */
  readonly uncompressedDigest: (stream: AsyncIterable<Uint8Array>) => Promise<Digest>;
}

/**
 * What is wrong with an image, one sentence each; empty when it is whole. `deep` reads every blob and compares digests, layers' DiffIDs
 * included; else sizes and records are compared.
 */
export async function validate(
  image: Image,
  parts: ValidateParts,
  options: { deep: boolean },
): Promise<readonly string[]> {
  const problems = shapeProblems(image);
  problems.push(
    ...(await documentProblems('manifest', image.manifestDigest, image.manifest, parts, readManifest)),
  );
  problems.push(...(await documentProblems('configuration', image.id, image.config, parts, parseConfig)));
  for (const [index, diffId] of image.config.rootfs.diff_ids.entries()) {
    const descriptor = image.manifest.layers[index];
    if (descriptor !== undefined)
      problems.push(...(await layerProblems(descriptor, diffId, parts, options.deep)));
  }
  return problems;
}

function shapeProblems({ id, manifest, config, layers }: Image): string[] {
  const problems: string[] = [];
  const claim = (holds: boolean, otherwise: string) => void (holds || problems.push(otherwise));
  const count = config.rootfs.diff_ids.length;
  claim(
    manifest.schemaVersion === 2 && MANIFEST_TYPES.has(manifest.mediaType),
    `the manifest has the media type ${manifest.mediaType}`,
  );
  claim(
    CONFIG_TYPES.has(manifest.config.mediaType),
    `the configuration has the media type ${manifest.config.mediaType}`,
  );
  claim(
    manifest.config.digest === id,
    `the manifest names the configuration ${manifest.config.digest}, not ${id}`,
  );
  claim(
    manifest.layers.length === count,
    `the manifest has ${manifest.layers.length} layers, the configuration ${count}`,
  );
  claim(
    layers.length === count && layers.every((layer, index) => layer.diffId === config.rootfs.diff_ids[index]),
    'the recorded layers are not the configuration’s',
  );
  for (const layer of manifest.layers)
    claim(LAYER_TYPES.has(layer.mediaType), `a layer has the media type ${layer.mediaType}`);
  for (const diffId of config.rootfs.diff_ids) claim(isDigest(diffId), `${String(diffId)} is no digest`);
  const filled = config.history?.filter((entry) => entry.empty_layer !== true).length;
  claim(
    filled === undefined || filled === count,
    `the history speaks of ${filled} layers, the image has ${count}`,
  );
  claim(config.os !== '' && config.architecture !== '', 'the configuration names no platform');
  return problems;
}

function readManifest(data: Uint8Array): unknown {
  const parsed = parseManifest(data);
  return parsed.kind === 'image' ? parsed.manifest : null;
}

async function documentProblems(
  what: string,
  digest: Digest,
  value: unknown,
  { content }: ValidateParts,
  read: (data: Uint8Array) => unknown,
): Promise<string[]> {
  try {
    const data = await content.read(digest);
    if (digestOf(JSON.stringify(value)) === digest) return [];
    // Documents of others may be formatted in other ways, and have fields that are not recorded.
    const same = JSON.stringify(read(data)) === JSON.stringify(value);
    return same ? [] : [`the recorded ${what} is not the stored one, ${digest}`];
  } catch (error) {
    return [`the ${what}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

async function layerProblems(
  descriptor: Descriptor,
  diffId: Digest,
  parts: ValidateParts,
  deep: boolean,
): Promise<string[]> {
  const { content, layers, uncompressedDigest } = parts;
  const known = layers.find(diffId);
  if (known === null) return [`the layer ${diffId} is not in the store`];
  const problems = layers.isUnpacked(diffId) ? [] : [`the unpacked layer ${diffId} is missing`];
  // A manifest that came from elsewhere may name another compression of the layer than the one that was stored first.
  if (known.blob.digest === descriptor.digest && known.blob.size !== descriptor.size)
    problems.push(`the manifest gives another size for the blob of the layer ${diffId}`);
  const condition = await content.examine(descriptor.digest, { deep });
  if (condition !== 'good')
    return [...problems, `the blob ${descriptor.digest} of the layer ${diffId} is ${condition}`];
  if (deep && (await uncompressedDigest(content.stream(descriptor.digest))) !== diffId)
    problems.push(`the blob ${descriptor.digest} does not unpack to ${diffId}`);
  return problems;
}
