import { digestOf } from '../lib/digest.ts';
import type { Digest, Image } from '../model/image.ts';
import type { ValidateParts } from './validate.ts';

/**
 * Makes again what an image has lost, where something else still has it: its documents from their records, a layer's blob from its folder and the
 * other way round. Nothing is removed. Returns what was done, a sentence each.
 */
export async function repairImage(
  image: Image,
  parts: Pick<ValidateParts, 'content' | 'layers'>,
): Promise<readonly string[]> {
  const done = [
    ...(await repairDocument('manifest', image.manifestDigest, image.manifest, parts)),
    ...(await repairDocument('configuration', image.id, image.config, parts)),
  ];
  for (const diffId of new Set(image.config.rootfs.diff_ids))
    done.push(...(await parts.layers.repair(diffId)));
  return done;
}

async function repairDocument(
  what: string,
  digest: Digest,
  value: unknown,
  { content }: Pick<ValidateParts, 'content'>,
): Promise<string[]> {
  const text = JSON.stringify(value);
  if ((await content.examine(digest, { deep: true })) === 'good' || digestOf(text) !== digest) return [];
  await content.put(text);
  return [`the ${what} was written again from its record`];
}
