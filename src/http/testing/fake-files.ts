import type { CommitRequest, Files, Images, Instances } from '../../engine/api.ts';
import { readArchivePath } from '../../lib/archive-path.ts';
import { packTar } from '../../lib/tar/archive.ts';
import { collect } from '../../lib/streams.ts';
import { HullError } from '../../model/errors.ts';
import type { FileArchive, FileChange, FileStat } from '../../model/files.ts';
import type { Image } from '../../model/image.ts';

const FILE = 0o100644;
const CONTENT = 'hello\n';

/** Every instance has one file, `/hello`, in `/`. */
export class FakeFiles implements Files {
  readonly #instances: Instances;
  readonly #images: Images;

  constructor(instances: Instances, images: Images) {
    this.#instances = instances;
    this.#images = images;
  }

  stat(nameOrId: string, path: string): Promise<FileStat> {
    this.#instances.get(nameOrId);
    const { path: clean, name } = readArchivePath(path);
    const common = { name, mtime: 1_500_000_000n, linkTarget: '' };
    if (clean === '/hello') return Promise.resolve({ ...common, mode: FILE, size: CONTENT.length });
    if (clean === '/') return Promise.resolve({ ...common, mode: 0o040755, size: 4096 });
    return Promise.reject(
      new HullError('path-not-found', `Could not find the file ${path} in container ${nameOrId}`),
    );
  }

  async get(nameOrId: string, path: string): Promise<FileArchive> {
    const stat = await this.stat(nameOrId, path);
    const body = Buffer.from(CONTENT);
    const member = { header: { name: 'hello', type: 'file' as const, size: body.length }, body };
    return { stat, stream: packTar([member]) };
  }

  async put(nameOrId: string, path: string, archive: AsyncIterable<Uint8Array>): Promise<void> {
    await this.stat(nameOrId, path);
    await collect(archive);
  }

  // oxlint-disable-next-line require-await -- it streams, as the real one does
  async *changes(nameOrId: string): AsyncGenerator<readonly FileChange[]> {
    this.#instances.get(nameOrId);
    yield [{ path: '/hello', kind: 'added' }];
  }

  async export(nameOrId: string): Promise<AsyncIterable<Uint8Array>> {
    return (await this.get(nameOrId, '/')).stream;
  }

  commit(request: CommitRequest): Promise<Image> {
    const { source } = this.#instances.get(request.instance).config;
    return Promise.resolve(this.#images.get(source.kind === 'image' ? source.reference : ''));
  }
}
