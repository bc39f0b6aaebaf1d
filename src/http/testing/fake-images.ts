import { createHash } from 'node:crypto';
import type {
  BuildEvent,
  BuildRequest,
  CacheRule,
  Images,
  PrunedCache,
  PrunedImages,
  RemovedImage,
} from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import type { Digest, Image } from '../../model/image.ts';
import type { ProgressSink } from '../../model/progress.ts';

const digest = (text: string): Digest => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** One image, `busybox`, and whatever is tagged, built or bootstrapped from it. */
export class FakeImages implements Images {
  readonly #images = new Map<string, Image>();

  constructor() {
    this.#add('docker.io/library/busybox:latest');
  }

  list(): readonly Image[] {
    return [...this.#images.values()];
  }

  get(reference: string): Image {
    const full = fullName(reference);
    const found = this.list().find(
      (image) =>
        image.references.includes(full) || image.id.slice(7).startsWith(reference.replace('sha256:', '')),
    );
    if (found === undefined) throw new HullError('image-not-found', `No such image: ${reference}`);
    return found;
  }

  tag(reference: string, target: string): void {
    const image = this.get(reference);
    this.#images.set(image.id, { ...image, references: [...image.references, fullName(target)] });
  }

  async remove(reference: string): Promise<readonly RemovedImage[]> {
    const image = this.get(reference);
    const references = image.references.filter((name) => name !== fullName(reference));
    if (references.length > 0) {
      this.#images.set(image.id, { ...image, references });
      return [{ untagged: fullName(reference) }];
    }
    this.#images.delete(image.id);
    return [{ untagged: fullName(reference) }, { deleted: image.id }];
  }

  async prune({
    danglingOnly,
    matches,
  }: {
    readonly danglingOnly: boolean;
    readonly matches: (image: Image) => boolean;
  }): Promise<PrunedImages> {
    const gone = this.list().filter(
      (image) => (!danglingOnly || image.references.length === 0) && matches(image),
    );
    for (const { id } of gone) this.#images.delete(id);
    return { removed: gone.map(({ id }) => ({ deleted: id })), bytes: gone.length * 4_000_000 };
  }

  layerFolders(): readonly string[] {
    return ['/layers/top', '/layers/below'];
  }

  async pruneBuildCache({ all }: CacheRule): Promise<PrunedCache> {
    return { layers: all ? [digest('layer')] : [], bytes: all ? 100 : 0 };
  }

  /** Understands `FROM`, `RUN fail` and `RUN echo …`; counts the context's bytes. */
  async build(request: BuildRequest, onEvent: (event: BuildEvent) => void): Promise<Image> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request.context) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('latin1');
    // A tar's contents stand between zeros.
    const lines = text.match(/(?:FROM|RUN) [^\n\0]*/g) ?? [];
    if (lines[0]?.startsWith('FROM ') !== true) {
      throw new HullError('blueprint-invalid', 'Dockerfile:1: the first instruction must be FROM');
    }
    lines.forEach((line, index) => {
      onEvent({ type: 'step', number: index + 1, total: lines.length, text: line, stage: null });
      if (line === 'RUN fail') {
        const message = 'Dockerfile:2:1: the command ended with status 3';
        throw new HullError('build-failed', message, {
          details: { exitCode: 3, command: '/bin/sh -c fail' },
        });
      }
      if (line.startsWith('RUN echo ')) {
        onEvent({ type: 'output', stream: 'stdout', text: `${line.slice(9)} ${request.args['A'] ?? ''}\n` });
      }
      onEvent({ type: 'layer', digest: digest(line), size: 1 });
    });
    return this.#add(...request.tags.map(fullName));
  }

  async bootstrap(reference: string, _options: object, onProgress: ProgressSink): Promise<Image> {
    if (!reference.startsWith('debian:')) {
      throw new HullError('invalid-argument', `cannot bootstrap ${reference}: only Debian is known`);
    }
    onProgress({ phase: 'packages', message: 'unpacking', current: 1, total: 2 });
    return this.#add(fullName(reference));
  }

  async usage(): Promise<ReadonlyMap<Digest, { total: number; shared: number }>> {
    return new Map(this.list().map((image) => [image.id, { total: 4_000_000, shared: 0 }]));
  }

  #add(...references: string[]): Image {
    const id = digest(references.join());
    const diffId = digest('layer');
    const blob = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: diffId, size: 100 };
    const image: Image = {
      id,
      manifestDigest: digest(id),
      manifest: { schemaVersion: 2, mediaType: '', config: { ...blob, digest: id }, layers: [blob] },
      config: {
        created: '2026-01-02T03:04:05Z',
        architecture: 'amd64',
        os: 'linux',
        config: { Cmd: ['sh'], Env: ['PATH=/bin'], Labels: { kind: 'fake' } },
        rootfs: { type: 'layers', diff_ids: [diffId] },
        history: [{ created_by: 'ADD busybox' }, { created_by: 'CMD ["sh"]', empty_layer: true }],
      },
      layers: [{ diffId, blob, unpackedSize: 4_000_000 }],
      references,
      storedAt: Date.now(),
    };
    this.#images.set(id, image);
    return image;
  }
}

function fullName(reference: string): string {
  const tagged = reference.slice(reference.lastIndexOf('/') + 1).includes(':')
    ? reference
    : `${reference}:latest`;
  if (tagged.startsWith('docker.io/')) return tagged;
  return tagged.includes('/') ? `docker.io/${tagged}` : `docker.io/library/${tagged}`;
}
