import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Files } from '../host/host.ts';
import { Digester, digestOf, hexOf } from '../lib/digest.ts';
import { chunksOf } from '../lib/streams.ts';
import { HullError } from '../model/errors.ts';
import type { Digest } from '../model/image.ts';
import type { Repositories } from '../state/repositories.ts';
import type { BlobCondition, BlobWriter, ContentStore, StoredBlob } from './content.ts';
import type { DataFolders } from './data-folders.ts';
import type { SetAside } from './set-aside.ts';
import { asStorage } from './storage-error.ts';
import { isErrno } from './tree-paths.ts';

/** Manifests and configurations; layers are streamed. */
const SMALL = 16 * 1024 * 1024;

export class FileContentStore implements ContentStore {
  readonly #files: Files;
  readonly #folders: DataFolders;
  readonly #repositories: Repositories;
  readonly #setAside: SetAside;

  constructor(files: Files, folders: DataFolders, repositories: Repositories, setAside: SetAside) {
    this.#files = files;
    this.#folders = folders;
    this.#repositories = repositories;
    this.#setAside = setAside;
  }

  /** Sets files without a record aside: what a crash left between the rename and the record, or what the records have forgotten. */
  async start(): Promise<void> {
    for (const name of await readdir(this.#folders.blobs)) {
      if (this.#repositories.blobs.find(`sha256:${name}`) === null)
        this.#setAside.take(join(this.#folders.blobs, name), 'blobs');
    }
  }

  find(digest: Digest): StoredBlob | null {
    return this.#repositories.blobs.find(digest);
  }

  async put(data: Uint8Array | string): Promise<StoredBlob> {
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
    const digest = digestOf(bytes);
    const known = this.find(digest);
    const isKept = known !== null && (await this.examine(digest, { deep: true })) === 'good';
    return isKept ? known : await this.write(chunksOf(bytes));
  }

  async write(stream: AsyncIterable<Uint8Array>, expected: Partial<StoredBlob> = {}): Promise<StoredBlob> {
    return await asStorage('cannot store a blob', async () => {
      await using writer = await this.begin();
      const digester = new Digester();
      for await (const chunk of stream) {
        digester.update(chunk);
        if (digester.size > (expected.size ?? digester.size))
          throw corrupt(`a blob is longer than the ${expected.size} bytes that it should have`);
        await writer.write(chunk);
      }
      const blob = { size: digester.size, digest: digester.digest() };
      if ((expected.digest ?? blob.digest) !== blob.digest)
        throw corrupt(`a blob should be ${expected.digest} but is ${blob.digest}`);
      if ((expected.size ?? blob.size) !== blob.size)
        throw corrupt(`a blob should have ${expected.size} bytes but has ${blob.size}`);
      await writer.keep(blob);
      return blob;
    });
  }

  async begin(): Promise<BlobWriter> {
    const { path, done } = this.#folders.temporaryPath();
    return new TemporaryBlob(path, await open(path, 'wx', 0o600), done, (blob) => this.#commit(path, blob));
  }

  async adopt(path: string, blob: StoredBlob): Promise<void> {
    await asStorage('cannot store a blob', async () => {
      await this.#files.fsync(path);
      await this.#commit(path, blob);
    });
  }

  async read(digest: Digest): Promise<Uint8Array> {
    const data = await this.#orMissing(digest, async () => {
      const { size } = await stat(this.#path(digest));
      if (size > SMALL)
        throw new HullError('internal', `the blob ${digest} of ${size} bytes was to be read whole`);
      return await readFile(this.#path(digest));
    });
    if (digestOf(data) !== digest) throw corrupt(`the blob ${digest} is damaged`);
    return data;
  }

  async *stream(digest: Digest): AsyncGenerator<Uint8Array> {
    const file = await this.#orMissing(digest, () => open(this.#path(digest)));
    yield* file.createReadStream({ highWaterMark: 256 * 1024 }) as AsyncIterable<Uint8Array>;
  }

  async examine(digest: Digest, { deep }: { deep: boolean }): Promise<BlobCondition> {
    const recorded = this.find(digest);
    try {
      const { size } = await stat(this.#path(digest));
      if (recorded !== null && recorded.size !== size) return 'corrupt';
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return 'missing';
      throw error;
    }
    if (!deep) return 'good';
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(this.#path(digest), { highWaterMark: 1024 * 1024 }))
      hash.update(chunk as Uint8Array);
    return hash.digest('hex') === hexOf(digest) ? 'good' : 'corrupt';
  }

  async remove(digests: readonly Digest[]): Promise<void> {
    // On the disk before the files go: after a power cut no record must come back without its file.
    this.#repositories.durably(() => digests.forEach((digest) => this.#repositories.blobs.remove(digest)));
    for (const digest of digests) await rm(this.#path(digest), { force: true });
  }

  async #commit(path: string, blob: StoredBlob): Promise<void> {
    await rename(path, this.#path(blob.digest));
    await this.#files.fsync(this.#folders.blobs);
    this.#repositories.blobs.add(blob);
  }

  #path(digest: Digest): string {
    return join(this.#folders.blobs, hexOf(digest));
  }

  async #orMissing<T>(digest: Digest, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isErrno(error, 'ENOENT')) throw corrupt(`the blob ${digest} is missing`, error);
      throw error;
    }
  }
}

function corrupt(message: string, cause?: unknown): HullError {
  return new HullError('blob-corrupt', message, { cause });
}

/** A blob that is being written. */
class TemporaryBlob implements BlobWriter {
  readonly descriptor: number;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #done: () => void;
  readonly #commit: (blob: StoredBlob) => Promise<void>;
  #closed = false;

  constructor(path: string, file: FileHandle, done: () => void, commit: (blob: StoredBlob) => Promise<void>) {
    this.descriptor = file.fd;
    this.#path = path;
    this.#file = file;
    this.#done = done;
    this.#commit = commit;
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;)
      at += (await this.#file.write(chunk, at, chunk.length - at)).bytesWritten;
  }

  async keep(blob: StoredBlob): Promise<void> {
    await this.#file.sync();
    const { size } = await this.#file.stat();
    if (size !== blob.size) throw corrupt(`a blob should have ${blob.size} bytes but ${size} were written`);
    await this.#commit(blob);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
    // Kept blobs have been renamed away.
    await rm(this.#path, { force: true });
    this.#done();
  }
}
