import type { ExtractFilesOptions, FileArchive, FileChange, FileStat } from '../../model/files.ts';
import type { FilesAtRest } from '../instances/files-at-rest.ts';
import { GuestSource } from './guest-source.ts';
import { thenRelease, type FileSource } from './source.ts';

/** Files that only the runtime reaches, of an instance that does not run: opened for each request, or still open from the one before. */
export class RestingSource implements FileSource {
  readonly #files: Pick<FilesAtRest, 'borrow'>;
  readonly #id: string;

  constructor(files: Pick<FilesAtRest, 'borrow'>, id: string) {
    this.#files = files;
    this.#id = id;
  }

  stat(path: string, signal?: AbortSignal): Promise<FileStat> {
    return this.#using(true, (source) => source.stat(path, signal), signal);
  }

  async read(path: string, signal?: AbortSignal): Promise<FileArchive> {
    const { source, giveBack } = await this.#borrow(true, signal);
    try {
      const { stat, stream } = await source.read(path, signal);
      return { stat, stream: thenRelease(stream, giveBack) };
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  write(
    path: string,
    archive: AsyncIterable<Uint8Array>,
    options: ExtractFilesOptions,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#using(true, (source) => source.write(path, archive, options, signal), signal);
  }

  async *changes(signal?: AbortSignal): AsyncGenerator<readonly FileChange[]> {
    const { source, giveBack } = await this.#borrow(false, signal);
    yield* thenRelease(source.changes(signal), giveBack);
  }

  async *root(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const { source, giveBack } = await this.#borrow(false, signal);
    yield* thenRelease(source.root(signal), giveBack);
  }

  async *layer(signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const { source, giveBack } = await this.#borrow(false, signal);
    yield* thenRelease(source.layer(signal), giveBack);
  }

  async #using<T>(
    mounts: boolean,
    use: (source: FileSource) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const { source, giveBack } = await this.#borrow(mounts, signal);
    try {
      return await use(source);
    } finally {
      giveBack();
    }
  }

  /** `mounts`: the instance's volumes are asked for as well. */
  async #borrow(
    mounts: boolean,
    signal: AbortSignal | undefined,
  ): Promise<{ source: FileSource; giveBack: () => void }> {
    const { access, giveBack } = await this.#files.borrow(this.#id, { mounts }, signal);
    return { source: new GuestSource(access, this.#id), giveBack };
  }
}
