import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { hexOf } from '../../lib/digest.ts';
import { HullError } from '../../model/errors.ts';
import type { Descriptor, Digest } from '../../model/image.ts';
import { normalizeReference, parseReference } from '../../model/reference.ts';
import { check, LARGEST_DOCUMENT, parseManifest, type PlatformDescriptor } from '../documents.ts';
import { choosePlatform, hostPlatform } from '../platform.ts';
import type { ImageSource, RemoteDocument } from '../transfer/endpoints.ts';
import { invalid, type SpooledArchive, type SpooledFile } from './spool.ts';
import { parseBoundedJson } from '../../lib/bounded-json.ts';

const MOST_IMAGES = 1000;
const CONTAINERD_NAME = 'io.containerd.image.name';
const REF_NAME = 'org.opencontainers.image.ref.name';

/** An image of an archive: by a manifest, whose bytes are kept, or by the files that Docker's own list names. */
export type ArchivedImage =
  | { readonly kind: 'manifest'; readonly manifest: Digest; readonly names: readonly string[] }
  | {
      readonly kind: 'files';
      readonly config: SpooledFile;
      readonly layers: readonly SpooledFile[];
      readonly names: readonly string[];
    };

const dockerList = v.pipe(
  v.array(
    v.object({
      Config: v.string(),
      RepoTags: v.nullish(v.array(v.string())),
      Layers: v.nullish(v.array(v.string())),
    }),
  ),
  v.minLength(1),
  v.maxLength(MOST_IMAGES),
);

/**
 * What images an archive has: Docker's (`manifest.json`; moby, image/spec), also where it is an OCI layout at the same time, or a layout alone
 * (image-spec, image-layout.md). Rejects `archive-invalid`.
 */
export async function imagesOf(archive: SpooledArchive): Promise<readonly ArchivedImage[]> {
  const list = archive.find('manifest.json');
  const source = new ArchiveSource(archive);
  if (list !== null) return await dockerImages(archive, source, list);
  if (archive.find('index.json') !== null) return await layoutImages(source);
  throw invalid('it is no archive of images: it has neither manifest.json nor index.json');
}

/** The OCI layout in an archive, as a source of images. Documents are named by digest, `index.json` by its file name. */
export class ArchiveSource implements ImageSource {
  readonly #archive: SpooledArchive;

  constructor(archive: SpooledArchive) {
    this.#archive = archive;
  }

  async document(reference: string): Promise<RemoteDocument> {
    const file = this.#archive.find(reference === 'index.json' ? reference : blobName(reference as Digest));
    if (file === null) throw invalid(`it has no ${reference}`);
    if (reference !== 'index.json' && file.digest !== reference)
      throw invalid(`the blob ${reference} is ${file.digest}`);
    return { mediaType: '', digest: file.digest, data: await smallFile(file) };
  }

  blob(descriptor: Descriptor, offset: number): Promise<AsyncIterable<Uint8Array>> {
    const file = this.#archive.find(blobName(descriptor.digest));
    if (file === null) return Promise.reject(invalid(`it has no blob ${descriptor.digest}`));
    const stream = createReadStream(file.path, { start: offset, highWaterMark: 256 * 1024 });
    return Promise.resolve(stream as AsyncIterable<Uint8Array>);
  }

  has(digest: Digest): boolean {
    return this.#archive.find(blobName(digest))?.digest === digest;
  }
}

/** A document of a bounded size. Rejects `archive-invalid`. */
export async function smallFile(file: SpooledFile): Promise<Uint8Array> {
  if (file.size > LARGEST_DOCUMENT) throw invalid(`a document is larger than ${LARGEST_DOCUMENT} bytes`);
  return await readFile(file.path);
}

async function dockerImages(
  archive: SpooledArchive,
  source: ArchiveSource,
  list: SpooledFile,
): Promise<readonly ArchivedImage[]> {
  const images = check('archive', dockerList, parseList(await smallFile(list)));
  const manifests = await compressedManifests(source);
  return images.map(({ Config, RepoTags, Layers }): ArchivedImage => {
    const config = need(archive, Config);
    const names = (RepoTags ?? []).map(taggedName);
    const manifest = manifests.get(config.digest);
    if (manifest !== undefined) return { kind: 'manifest', manifest, names };
    return { kind: 'files', config, layers: (Layers ?? []).map((name) => need(archive, name)), names };
  });
}

/** Manifests of the layout beside Docker's list, by their configuration: those that a registry could have, whose layers are compressed. */
async function compressedManifests(source: ArchiveSource): Promise<ReadonlyMap<Digest, Digest>> {
  const found = new Map<Digest, Digest>();
  for (const { digest } of await layoutEntries(source).catch(() => [])) {
    const parsed = await source
      .document(digest)
      .then(({ data, mediaType }) => parseManifest(data, mediaType))
      .catch(() => null);
    if (parsed?.kind !== 'image') continue;
    const { config, layers } = parsed.manifest;
    const compressed = layers.every(({ mediaType }) => /[.+](?:gzip|zstd)$/.test(mediaType));
    if (compressed && [config, ...layers].every((blob) => source.has(blob.digest)))
      found.set(config.digest, digest);
  }
  return found;
}

async function layoutImages(source: ArchiveSource): Promise<readonly ArchivedImage[]> {
  const byDigest = new Map<Digest, Set<string>>();
  for (const entry of await layoutEntries(source)) {
    const names = byDigest.get(entry.digest) ?? new Set();
    const name = annotatedName(entry);
    if (name !== null) names.add(name);
    byDigest.set(entry.digest, names);
  }
  if (byDigest.size === 0) throw invalid('its index names no image');
  return [...byDigest].map(([manifest, names]) => ({ kind: 'manifest', manifest, names: [...names] }));
}

/** The entries of `index.json`; of several unnamed ones, which are platforms of one image, this host's. */
async function layoutEntries(source: ArchiveSource): Promise<readonly PlatformDescriptor[]> {
  const { data } = await source.document('index.json');
  const parsed = parseManifest(data, 'application/vnd.oci.image.index.v1+json');
  if (parsed.kind === 'image') throw invalid('its index.json is no index');
  const named = parsed.manifests.filter((entry) => annotatedName(entry) !== null);
  if (named.length > 0 || parsed.manifests.length < 2) return parsed.manifests;
  const platforms = parsed.manifests.filter(({ platform }) => platform.os !== '');
  const own = choosePlatform(platforms, hostPlatform());
  return own === null
    ? parsed.manifests
    : [own, ...parsed.manifests.filter(({ platform }) => platform.os === '')];
}

/** A full name; the short tag that layouts may have instead names nothing by itself. */
function annotatedName({ annotations = {} }: Descriptor): string | null {
  for (const text of [annotations[CONTAINERD_NAME], annotations[REF_NAME]]) {
    if (text === undefined || !/[/:]/.test(text)) continue;
    try {
      return taggedName(text);
    } catch {
      // Layouts of other tools put all kinds of names here.
    }
  }
  return null;
}

function taggedName(text: string): string {
  const name = normalizeReference(text);
  if (parseReference(name).digest === null) return name;
  throw new HullError(
    'archive-invalid',
    `invalid tag ${JSON.stringify(text.slice(0, 300))}: it has a digest`,
  );
}

function need(archive: SpooledArchive, name: string): SpooledFile {
  const file = archive.find(name);
  if (file === null) throw invalid(`it has no file ${JSON.stringify(name.slice(0, 300))}`);
  return file;
}

function parseList(data: Uint8Array): unknown {
  try {
    return parseBoundedJson(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch (error) {
    throw new HullError('archive-invalid', 'invalid archive: its manifest.json is not valid JSON', {
      cause: error,
    });
  }
}

function blobName(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}
