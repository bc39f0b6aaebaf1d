import { hexOf } from '../../lib/digest.ts';
import { packTar, type TarInput } from '../../lib/tar/archive.ts';
import { HullError } from '../../model/errors.ts';
import type { Descriptor, Digest, Image } from '../../model/image.ts';
import { familiarReference, parseReference } from '../../model/reference.ts';
import type { ContentStore } from '../../storage/content.ts';
import { INDEX_TYPE } from '../media-types.ts';

/** An image and the names it is saved under: none for one that was named by its id. */
interface SavedImage {
  readonly image: Image;
  readonly names: readonly string[];
  readonly manifest: Descriptor;
}

/**
 * Images as an archive that `docker load` and every reader of OCI layouts takes: blobs as they are stored, Docker's list, the layout's index. The
 * same images always give the same bytes. Rejects `blob-corrupt` before the first byte when something is missing.
 */
export async function saveArchive(
  content: Pick<ContentStore, 'examine' | 'find' | 'stream'>,
  wanted: readonly { readonly image: Image; readonly names: readonly string[] }[],
): Promise<AsyncGenerator<Uint8Array>> {
  const images = wanted.map(({ image, names }): SavedImage => {
    const { manifestDigest: digest, manifest } = image;
    const size = content.find(digest)?.size ?? 0;
    return { image, names, manifest: { mediaType: manifest.mediaType, digest, size } };
  });
  const blobs = blobsOf(images);
  for (const { digest } of blobs) {
    const condition = await content.examine(digest, { deep: false });
    if (condition !== 'good')
      throw new HullError('blob-corrupt', `the blob ${digest} is ${condition}; see \`hull check --repair\``);
  }
  return packTar(members(content, images, blobs));
}

function* members(
  content: Pick<ContentStore, 'stream'>,
  images: readonly SavedImage[],
  blobs: readonly { readonly digest: Digest; readonly size: number }[],
): Generator<TarInput> {
  yield { header: { name: 'blobs', type: 'directory', mode: 0o755 } };
  yield { header: { name: 'blobs/sha256', type: 'directory', mode: 0o755 } };
  for (const { digest, size } of blobs)
    yield {
      header: { name: blobName(digest), type: 'file', mode: 0o644, size },
      body: content.stream(digest),
    };
  yield document('index.json', layoutIndex(images));
  yield document('manifest.json', dockerList(images));
  yield document('oci-layout', { imageLayoutVersion: '1.0.0' });
  const repositories = legacyRepositories(images);
  if (Object.keys(repositories).length > 0) yield document('repositories', repositories);
}

function blobsOf(images: readonly SavedImage[]): { digest: Digest; size: number }[] {
  const sizes = new Map<Digest, number>();
  for (const { image, manifest } of images) {
    const { config, layers } = image.manifest;
    for (const { digest, size } of [manifest, config, ...layers]) sizes.set(digest, size);
  }
  return [...sizes]
    .map(([digest, size]) => ({ digest, size }))
    .toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
}

/** One entry for each name: readers take the names from there. */
function layoutIndex(images: readonly SavedImage[]): object {
  const manifests = images.flatMap(({ manifest: entry, names }) => {
    if (names.length === 0) return [entry];
    return names.map((name) => ({
      ...entry,
      annotations: {
        'io.containerd.image.name': name,
        'org.opencontainers.image.ref.name': parseReference(name).tag ?? 'latest',
      },
    }));
  });
  return { schemaVersion: 2, mediaType: INDEX_TYPE, manifests };
}

function dockerList(images: readonly SavedImage[]): object {
  return images.map(({ image, names }) => ({
    Config: blobName(image.id),
    RepoTags: names.length === 0 ? null : names.map(familiarReference),
    Layers: image.manifest.layers.map(({ digest }) => blobName(digest)),
  }));
}

/** For readers that are older than Docker's list: name, tag, and the image's topmost layer. */
function legacyRepositories(images: readonly SavedImage[]): Record<string, Record<string, string>> {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { image, names } of images) {
    for (const name of names) {
      const { tag, ...rest } = parseReference(name);
      const repository = familiarReference(`${rest.domain}/${rest.path}`);
      const top = image.manifest.layers.at(-1)?.digest ?? image.id;
      repositories[repository] = { ...repositories[repository], [tag ?? 'latest']: hexOf(top) };
    }
  }
  return repositories;
}

function document(name: string, value: object): TarInput {
  return {
    header: { name, type: 'file', mode: 0o644 },
    body: new TextEncoder().encode(JSON.stringify(value)),
  };
}

function blobName(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}
