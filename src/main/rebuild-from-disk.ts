import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig, parseManifest } from '../images/documents.ts';
import { digestOf } from '../lib/digest.ts';
import type { Digest, Manifest } from '../model/image.ts';
import { MACHINE_CMDLINE } from '../storage/machine-builder.ts';
import type { Database } from '../state/database.ts';
import type { Repositories } from '../state/repositories.ts';
import { createRepositories } from '../state/storage-repositories.ts';

/** Manifests are small; a layer's blob is not read to find out that it is none. */
const LARGEST_MANIFEST = 4 * 1024 * 1024;
const HEX = /^[0-9a-f]{64}$/;
const VOLUME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*/;

interface Found {
  readonly done: string[];
  readonly left: string[];
}

/** Records for what lies in a data folder without one: blobs, images by their manifests, volumes and machines. Removes and moves nothing. */
export function restoreFromDisk(database: Database, data: string): Found {
  const repositories = createRepositories(database);
  const found: Found = { done: [], left: [] };
  restoreBlobs(repositories, data);
  restoreImages(repositories, data, found);
  restoreVolumes(repositories, data, found);
  restoreMachines(repositories, data, found);
  forgetUnnamed(database, repositories);
  const known = new Set(database.all('SELECT id FROM instances').map(({ id }) => String(id)));
  for (const id of namesIn(join(data, 'instances')))
    if (!known.has(id))
      found.left.push(
        `the files of the instance ${id}: nothing says how it was made; the next start sets them aside`,
      );
  return found;
}

/** What no image names has no record afterwards, and is set aside by the next start; with one it would count as known and unwanted, and be deleted. */
function forgetUnnamed(database: Database, { blobs, layers }: Repositories): void {
  database.transaction(() => {
    for (const { diffId } of layers.unused()) layers.remove(diffId);
    for (const { digest } of blobs.unused()) blobs.remove(digest);
  });
}

function restoreBlobs({ blobs }: Repositories, data: string): void {
  const folder = join(data, 'blobs/sha256');
  for (const name of namesIn(folder))
    if (HEX.test(name)) blobs.add({ digest: `sha256:${name}`, size: statSync(join(folder, name)).size });
}

function restoreImages(repositories: Repositories, data: string, found: Found): void {
  const folder = join(data, 'blobs/sha256');
  const recorded = new Set(
    [...repositories.images.list(), ...repositories.images.damaged()].map(({ id }) => id),
  );
  for (const name of namesIn(folder).filter((one) => HEX.test(one))) {
    const manifest = manifestIn(join(folder, name), name);
    if (manifest === null || recorded.has(manifest.config.digest)) continue;
    try {
      restoreImage(repositories, folder, `sha256:${name}`, manifest);
      recorded.add(manifest.config.digest);
      found.done.push(
        `image ${manifest.config.digest} by its manifest: without a name, \`hull check --repair\` unpacks its layers`,
      );
    } catch (error) {
      found.left.push(
        `the image ${manifest.config.digest}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}

function restoreImage(
  repositories: Repositories,
  folder: string,
  manifestDigest: Digest,
  manifest: Manifest,
): void {
  const { images, layers } = repositories;
  const id = manifest.config.digest;
  const data = readFileSync(join(folder, id.slice('sha256:'.length)));
  if (digestOf(data) !== id) throw new Error('its configuration is damaged');
  const config = parseConfig(data);
  const { diff_ids } = config.rootfs;
  if (diff_ids.length !== manifest.layers.length)
    throw new Error('its manifest has other layers than its configuration');
  repositories.transaction(() => {
    for (const [index, blob] of manifest.layers.entries()) {
      const diffId = diff_ids[index];
      if (diffId === undefined || layers.find(diffId) !== null) continue;
      layers.add({ diffId, blob, folder: folderFor(diffId), unpackedSize: 0 });
    }
    images.add({ id, manifestDigest, manifest, config, storedAt: Date.now() });
    for (const digest of [manifestDigest, ...manifest.layers.map((blob) => blob.digest)])
      images.addBlob(id, digest);
  });
}

/** A name that no unpacked layer has: those have five characters. */
function folderFor(diffId: Digest): string {
  return `r${digestOf(diffId).slice('sha256:'.length, 'sha256:'.length + 9)}`;
}

function manifestIn(path: string, hex: string): Manifest | null {
  try {
    if (statSync(path).size > LARGEST_MANIFEST) return null;
    const data = readFileSync(path);
    if (data[0] !== 0x7b || digestOf(data) !== `sha256:${hex}`) return null;
    const parsed = parseManifest(data);
    return parsed.kind === 'image' ? parsed.manifest : null;
  } catch {
    return null;
  }
}

/** A folder of a volume that was renamed or cloned has another name than the volume. */
function restoreVolumes({ volumes }: Repositories, data: string, found: Found): void {
  const known = volumes.folders();
  const names = new Set(known.values());
  for (const folder of namesIn(join(data, 'volumes'))) {
    if (known.has(folder)) continue;
    const name = VOLUME.exec(folder)?.[0] ?? '';
    if (name === '' || names.has(name)) {
      found.left.push(`the folder ${folder} of a volume: its name is taken`);
      continue;
    }
    const anonymous = HEX.test(name);
    volumes.add({ name, folder, labels: {}, options: {}, anonymous, createdAt: Date.now() });
    names.add(name);
    found.done.push(`volume ${name}: without labels`);
  }
}

function restoreMachines({ machines }: Repositories, data: string, found: Found): void {
  const known = machines.folders();
  for (const folder of namesIn(join(data, 'machines')).filter((name) => !known.has(name))) {
    const target = join(data, 'machines', folder);
    try {
      const paths = {
        disk: join(target, 'disk.raw'),
        kernel: join(target, 'vmlinuz'),
        initrd: join(target, 'initrd.img'),
      };
      const [{ size, blocks, mtimeMs }] = [
        statSync(paths.disk),
        statSync(paths.kernel),
        statSync(paths.initrd),
      ];
      const name = `restored-${folder}`;
      const sizes = { virtualSize: size, storedSize: blocks * 512, createdAt: Math.round(mtimeMs) };
      const machine = {
        name,
        ...paths,
        cmdline: MACHINE_CMDLINE,
        ...sizes,
        description: 'restored from its disk',
      };
      machines.add({ folder, inputKey: '', machine });
      found.done.push(`machine ${name}`);
    } catch {
      found.left.push(`the folder ${folder} of a machine: it is not whole`);
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
