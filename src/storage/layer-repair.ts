import { existsSync } from 'node:fs';
import { rename, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayerRecord } from '../state/repositories.ts';
import type { LayerStoreParts } from './overlay-layers.ts';

/** Is a layer's unpacked folder there? What is in it is not looked at. */
export function isUnpacked({ folders }: Pick<LayerStoreParts, 'folders'>, record: LayerRecord): boolean {
  return existsSync(join(folders.layers, record.folder));
}

/**
 * Makes the lost half of a layer again from the other: the folder from its blob, when that still unpacks to the DiffID; the blob from the folder,
 * when the folder still archives to the same blob (layers that were made here do; foreign archives order their members as they like).
 * Says what was done, a sentence each; what could not be done is left as it was.
 */
export async function repairLayer(parts: LayerStoreParts, record: LayerRecord): Promise<readonly string[]> {
  const blobIsGood = (await parts.content.examine(record.blob.digest, { deep: true })) === 'good';
  if (isUnpacked(parts, record))
    return blobIsGood || !(await writeBlob(parts, record)) ? [] : [wrote(record)];
  return blobIsGood && (await unpack(parts, record))
    ? [`the layer ${record.diffId} was unpacked again from its blob`]
    : [];
}

function wrote({ diffId, blob }: LayerRecord): string {
  return `the blob ${blob.digest} was written again from the unpacked layer ${diffId}`;
}

async function writeBlob(
  { content, folders, trees }: LayerStoreParts,
  { blob, folder }: LayerRecord,
): Promise<boolean> {
  await using writer = await content.begin();
  const options = { mode: 'layer', gzip: true } as const;
  const made = await trees.archiveTo(join(folders.layers, folder), options, { output: writer.descriptor });
  if (made.blob.digest !== blob.digest) return false;
  await writer.keep(made.blob);
  return true;
}

async function unpack(
  { content, folders, host, removals, trees }: LayerStoreParts,
  { blob, diffId, folder }: LayerRecord,
): Promise<boolean> {
  return await folders.withTemporary(removals, async (temporary) => {
    await mkdir(temporary, { mode: 0o755 });
    const made = await trees.extract(content.stream(blob.digest), temporary, { mode: 'layer', sync: true });
    if (made.diffId !== diffId) return false;
    await rename(temporary, join(folders.layers, folder));
    await host.files.fsync(folders.layers);
    return true;
  });
}
