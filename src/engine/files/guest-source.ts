import type { ExtractFilesOptions, FileArchive, FileChange, FileStat } from '../../model/files.ts';
import type { FileAccess } from '../../runtime/runtime.ts';
import { decompress } from '../../storage/compression.ts';
import type { FileSource } from './source.ts';

/** Files that only the runtime reaches: those inside a running VM. */
export class GuestSource implements FileSource {
  readonly #runtime: FileAccess;
  readonly #id: string;

  constructor(runtime: FileAccess, id: string) {
    this.#runtime = runtime;
    this.#id = id;
  }

  stat(path: string, signal?: AbortSignal): Promise<FileStat> {
    return this.#runtime.statFile(this.#id, path, signal);
  }

  read(path: string, signal?: AbortSignal): Promise<FileArchive> {
    return this.#runtime.readFiles(this.#id, path, signal);
  }

  async write(
    path: string,
    archive: AsyncIterable<Uint8Array>,
    options: ExtractFilesOptions,
    signal?: AbortSignal,
  ): Promise<void> {
    const { stream } = await decompress(archive, () => undefined);
    await this.#runtime.writeFiles(this.#id, path, stream, options, signal);
  }

  async *changes(signal?: AbortSignal): AsyncGenerator<readonly FileChange[]> {
    yield await this.#runtime.fileChanges(this.#id, signal);
  }

  root(signal?: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#runtime.readRoot(this.#id, signal);
  }

  layer(signal?: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#runtime.readLayer(this.#id, signal);
  }
}
