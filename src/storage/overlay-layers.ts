import { createReadStream, mkdirSync, readdirSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { KeyedLock } from '../lib/keyed-lock.ts';
import { Rollback } from '../lib/rollback.ts';
import { tap } from '../lib/streams.ts';
import { HullError, isHullError } from '../model/errors.ts';
import type { Digest, LayerInfo } from '../model/image.ts';
import type { LayerRecord, Repositories } from '../state/repositories.ts';
import type { ContentStore, StoredBlob } from './content.ts';
import type { DataFolders } from './data-folders.ts';
import { isUnpacked, repairLayer } from './layer-repair.ts';
import type { LayerClaims, LayerFile, LayerSource, LayerStore } from './layer-store.ts';
import type { SetAside } from './set-aside.ts';
import { asStorage } from './storage-error.ts';
import type { Removals } from './removals.ts';
import type { Trees } from './trees.ts';

/** Every blob is kept as gzip (image-spec, layer.md). */
const MEDIA_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip';

export interface LayerStoreParts {
  readonly host: Host;
  readonly folders: DataFolders;
  readonly removals: Removals;
  readonly trees: Trees;
  readonly content: ContentStore;
  readonly repositories: Repositories;
  readonly setAside: SetAside;
}

/** Layers as folders `DATA/l/NAME`, to be stacked by overlayfs. */
export class OverlayLayerStore implements LayerStore {
  readonly #parts: LayerStoreParts;
  readonly #lock = new KeyedLock();
  /** How many mounts and imports need each layer now: none of them is removed. */
  readonly #uses = new Map<Digest, number>();

  constructor(parts: LayerStoreParts) {
    this.#parts = parts;
  }

  /** Sets folders without a record aside. */
  start(): void {
    const { folders, repositories, setAside } = this.#parts;
    const known = repositories.layers.folders();
    for (const name of readdirSync(folders.layers)) {
      if (!known.has(name)) setAside.take(join(folders.layers, name), 'layers');
    }
  }

  find(diffId: Digest): LayerInfo | null {
    const found = this.#parts.repositories.layers.find(diffId);
    return found === null ? null : toInfo(found);
  }

  async importTar(source: LayerSource, claims?: LayerClaims): Promise<LayerInfo> {
    const known = source.diffId === undefined ? null : this.find(source.diffId);
    if (known !== null) {
      claims?.claim(known.diffId);
      return known;
    }
    const { folders, removals } = this.#parts;
    return await asStorage('cannot import a layer', () =>
      folders.withTemporary(removals, (folder) => this.#import(source, folder, claims)),
    );
  }

  async importFile(file: LayerFile, claims?: LayerClaims): Promise<LayerInfo> {
    const { content, folders, removals, trees } = this.#parts;
    return await asStorage('cannot import a layer', () =>
      folders.withTemporary(removals, async (folder) => {
        mkdirSync(folder, { mode: 0o755 });
        const stream = readLayerFile(file);
        const call = file.signal === undefined ? {} : { signal: file.signal };
        const result = await trees
          .extract(stream, folder, { mode: 'layer', sync: true }, call)
          .catch((error: unknown) => Promise.reject(withoutFolder(error, folder)));
        checkDiffId(file.diffId, result.diffId);
        const { mediaType, ...blob } = file.blob;
        return await this.#record(
          { diffId: file.diffId, blob, unpackedSize: result.unpackedSize, mediaType },
          folder,
          () => content.adopt(file.path, blob),
          claims,
        );
      }),
    );
  }

  async adoptUpper(upper: string, claims?: LayerClaims): Promise<LayerInfo | null> {
    if (readdirSync(upper).length === 0) return null;
    const { content, trees } = this.#parts;
    return await asStorage('cannot keep a layer', async () => {
      await using writer = await content.begin();
      const result = await trees.archiveTo(
        upper,
        { mode: 'layer', gzip: true, settle: true },
        { output: writer.descriptor },
      );
      const made = { ...result, mediaType: MEDIA_TYPE };
      return await this.#record(made, upper, () => writer.keep(result.blob), claims);
    });
  }

  path(diffId: Digest): string {
    const found = this.#parts.repositories.layers.find(diffId);
    if (found === null)
      throw new HullError(
        'state-corrupt',
        `the layer ${diffId} is not in the store; run \`hull check --repair\``,
      );
    return join(this.#parts.folders.layers, found.folder);
  }

  isUnpacked(diffId: Digest): boolean {
    const found = this.#parts.repositories.layers.find(diffId);
    return found !== null && isUnpacked(this.#parts, found);
  }

  async repair(diffId: Digest): Promise<readonly string[]> {
    return await this.#lock.run(diffId, async () => {
      const found = this.#parts.repositories.layers.find(diffId);
      if (found === null) return [];
      return await asStorage('cannot repair a layer', () => repairLayer(this.#parts, found));
    });
  }

  async remove(diffIds: readonly Digest[]): Promise<void> {
    for (const diffId of diffIds) await this.#lock.run(diffId, () => this.#removeOne(diffId));
  }

  hold(diffIds: readonly Digest[]): () => void {
    for (const diffId of diffIds) this.#uses.set(diffId, (this.#uses.get(diffId) ?? 0) + 1);
    return () => {
      for (const diffId of diffIds) {
        const left = (this.#uses.get(diffId) ?? 1) - 1;
        if (left === 0) this.#uses.delete(diffId);
        else this.#uses.set(diffId, left);
      }
    };
  }

  async #import(source: LayerSource, folder: string, claims?: LayerClaims): Promise<LayerInfo> {
    const { content, trees } = this.#parts;
    mkdirSync(folder, { mode: 0o755 });
    await using writer = await content.begin();
    const options = { mode: 'layer', sync: true } as const;
    const result = await trees
      .extract(withProgress(source), folder, options, { output: writer.descriptor })
      .catch((error: unknown) => Promise.reject(withoutFolder(error, folder)));
    if (source.diffId !== undefined) checkDiffId(source.diffId, result.diffId);
    const { blob } = result;
    if (blob === null) throw new HullError('internal', 'the unpacking process returned no blob');
    const made = { ...result, blob, mediaType: MEDIA_TYPE };
    return await this.#record(made, folder, () => writer.keep(blob), claims);
  }

  /**
   * The commit: blob, then folder, then row. A layer that is known by now is returned instead; `folder` is the caller's to remove then. Claimed before
   * the lock is given up: a removal that waits for it finds it held.
   */
  async #record(
    made: MadeLayer,
    folder: string,
    keep: () => Promise<void>,
    claims?: LayerClaims,
  ): Promise<LayerInfo> {
    const { diffId, blob, mediaType, unpackedSize } = made;
    return await this.#lock.run(diffId, async () => {
      const { folders, host, removals, repositories } = this.#parts;
      const known = repositories.layers.find(diffId);
      if (known !== null) {
        await this.#replaceLost(known, blob, folder, keep);
        claims?.claim(diffId);
        return toInfo(known);
      }
      await keep();
      await using undo = new Rollback();
      const record: LayerRecord = {
        diffId,
        folder: folders.freshLayer(),
        blob: { mediaType, digest: blob.digest, size: blob.size },
        unpackedSize,
      };
      const target = join(folders.layers, record.folder);
      await rename(folder, target);
      undo.defer('remove the layer’s folder', () => removals.discard(target));
      await host.files.fsync(folders.layers);
      repositories.layers.add(record);
      undo.commit();
      claims?.claim(diffId);
      return toInfo(record);
    });
  }

  /** A layer that is made once more heals the one that is recorded. */
  async #replaceLost(
    known: LayerRecord,
    blob: StoredBlob,
    folder: string,
    keep: () => Promise<void>,
  ): Promise<void> {
    const { content, folders, host } = this.#parts;
    const sameBlob = known.blob.digest === blob.digest;
    if (sameBlob && (await content.examine(blob.digest, { deep: true })) !== 'good') await keep();
    if (isUnpacked(this.#parts, known)) return;
    await rename(folder, join(folders.layers, known.folder));
    await host.files.fsync(folders.layers);
  }

  async #removeOne(diffId: Digest): Promise<void> {
    const { folders, removals, repositories, content } = this.#parts;
    const found = repositories.layers.find(diffId);
    if (found === null || this.#uses.has(diffId)) return;
    // On the disk before the folder goes: after a power cut the record must not come back without it.
    repositories.durably(() => repositories.layers.remove(diffId));
    removals.discard(join(folders.layers, found.folder));
    const shared = repositories.layers.list().some((layer) => layer.blob.digest === found.blob.digest);
    if (!shared) await content.remove([found.blob.digest]);
  }
}

/** A layer that was unpacked or archived, before it is recorded. */
interface MadeLayer {
  readonly diffId: Digest;
  readonly blob: StoredBlob;
  readonly mediaType: string;
  readonly unpackedSize: number;
}

/** The folder is the engine's own affair. */
function withoutFolder(error: unknown, folder: string): unknown {
  if (!isHullError(error, 'archive-invalid')) return error;
  const message = error.message.replace(`cannot unpack into ${folder}`, 'cannot unpack the layer');
  return new HullError('archive-invalid', message, { cause: error });
}

function checkDiffId(wanted: Digest, found: Digest): void {
  if (wanted !== found)
    throw new HullError('blob-corrupt', `a layer should have the DiffID ${wanted} but has ${found}`);
}

function readLayerFile({ path, onProgress }: LayerFile): AsyncIterable<Uint8Array> {
  let bytes = 0;
  const stream = createReadStream(path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Uint8Array>;
  return tap(stream, (chunk) => {
    bytes += chunk.length;
    onProgress?.(bytes);
  });
}

function toInfo({ diffId, blob, unpackedSize }: LayerRecord): LayerInfo {
  return { diffId, blob, unpackedSize };
}

function withProgress({ stream, progress }: LayerSource): AsyncIterable<Uint8Array> {
  if (progress === undefined) return stream;
  let bytes = 0;
  let shown = 0;
  return tap(stream, (chunk) => {
    bytes += chunk.length;
    if (bytes - shown < 4 * 1024 * 1024) return;
    shown = bytes;
    progress({ phase: 'layer', message: 'unpacking', current: bytes });
  });
}
