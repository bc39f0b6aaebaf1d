import { applyChanges } from '../../build/changes.ts';
import type { ImageStore } from '../../images/image-store.ts';
import { TAR_END } from '../../lib/tar/encode.ts';
import { peek } from '../../lib/streams.ts';
import { HullError } from '../../model/errors.ts';
import type { HistoryEntry, Image, LayerInfo } from '../../model/image.ts';
import { normalizeReference } from '../../model/reference.ts';
import { isPausable, type Runtime } from '../../runtime/runtime.ts';
import type { LayerStore } from '../../storage/layer-store.ts';
import type { CommitRequest } from '../api.ts';
import type { InstanceRecord } from '../instances/record.ts';
import { mergeConfig, runConfigOf } from './commit-config.ts';
import type { FileSource } from './source.ts';

export interface CommitParts {
  readonly images: Pick<ImageStore, 'commit'>;
  readonly layers: Pick<LayerStore, 'importTar'>;
  readonly runtime: Runtime;
}

interface Commit {
  readonly request: CommitRequest;
  readonly record: InstanceRecord;
  readonly base: Image;
  readonly source: FileSource;
}

/** Makes an image of an instance. What is refused is refused before its files are read. */
export async function commitInstance(
  { images, layers, runtime }: CommitParts,
  { request, record, base, source }: Commit,
  signal?: AbortSignal,
): Promise<Image> {
  if (request.reference !== undefined) normalizeReference(request.reference);
  const own = runConfigOf(record.config, base);
  const config = mergeConfig(applyChanges(request.config ?? own, request.changes), own);
  const layer = await whilePaused(request.pause ? runtime : null, record, () =>
    importLayer(layers, source.layer(signal)),
  );
  signal?.throwIfAborted();
  const entry: HistoryEntry = {
    created: new Date().toISOString(),
    created_by: record.config.command.join(' '),
    ...(request.author === '' ? {} : { author: request.author }),
    ...(request.comment === '' ? {} : { comment: request.comment }),
    ...(layer === null ? { empty_layer: true } : {}),
  };
  const { architecture, os, variant, history = [] } = base.config;
  return await images.commit(
    {
      created: entry.created ?? '',
      ...(request.author === '' ? {} : { author: request.author }),
      ...{ architecture, os, ...(variant === undefined ? {} : { variant }), config },
      history: [...history, entry],
    },
    layer === null ? base.layers : [...base.layers, layer],
    request.reference === undefined ? [] : [request.reference],
  );
}

/** Null for an instance that has changed nothing. */
async function importLayer(
  layers: Pick<LayerStore, 'importTar'>,
  stream: AsyncIterable<Uint8Array>,
): Promise<LayerInfo | null> {
  const { head, whole } = await peek(stream, TAR_END.length);
  if (head.every((byte) => byte === 0)) {
    await whole.return(undefined);
    return null;
  }
  return await layers.importTar({ stream: whole });
}

/** Its state does not say so: this is over in a moment, and nobody can use it meanwhile. */
async function whilePaused<T>(
  runtime: Runtime | null,
  { config, status }: InstanceRecord,
  work: () => Promise<T>,
): Promise<T> {
  if (runtime === null || status.state !== 'running' || !isPausable(runtime)) return await work();
  // The agent that reads a VM's files is paused with it.
  if (config.isolation === 'vm') return await work();
  await runtime.pause(config.id);
  try {
    return await work();
  } finally {
    await runtime.resume(config.id).catch((error: unknown) => {
      throw new HullError('internal', `${config.name} stays paused: ${String(error)}`, { cause: error });
    });
  }
}
