import { applyChanges } from '../../build/changes.ts';
import type { ImageStore } from '../../images/image-store.ts';
import { TAR_END } from '../../lib/tar/encode.ts';
import { LayerHolds } from '../../lib/layer-holds.ts';
import { peek } from '../../lib/streams.ts';
import type { HistoryEntry, Image, LayerInfo } from '../../model/image.ts';
import { normalizeReference } from '../../model/reference.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { LayerStore } from '../../storage/layer-store.ts';
import type { CommitRequest } from '../api.ts';
import type { InstanceRecord } from '../instances/record.ts';
import { mergeConfig, runConfigOf } from './commit-config.ts';
import type { Holds } from './holds.ts';
import type { FileSource } from './source.ts';

export interface CommitParts {
  readonly images: Pick<ImageStore, 'commit'>;
  readonly layers: Pick<LayerStore, 'importTar' | 'hold'>;
  readonly runtime: Runtime;
  readonly holds: Holds;
}

interface Commit {
  readonly request: CommitRequest;
  readonly record: InstanceRecord;
  readonly base: Image;
  readonly source: FileSource;
}

/** Makes an image of an instance. What is refused is refused before its files are read. */
export async function commitInstance(
  { images, layers, runtime, holds }: CommitParts,
  { request, record, base, source }: Commit,
  signal?: AbortSignal,
): Promise<Image> {
  if (request.reference !== undefined) normalizeReference(request.reference);
  const own = runConfigOf(record.config, base);
  const config = mergeConfig(applyChanges(request.config ?? own, request.changes), own);
  using claims = new LayerHolds(layers);
  claims.add(base.layers);
  const read = (): Promise<LayerInfo | null> => importLayer(layers, source.layer(signal), claims);
  const layer = await (request.pause ? holds.during(runtime, record, read) : read());
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
  claims: LayerHolds,
): Promise<LayerInfo | null> {
  const { head, whole } = await peek(stream, TAR_END.length);
  if (head.every((byte) => byte === 0)) {
    await whole.return(undefined);
    return null;
  }
  return await layers.importTar({ stream: whole }, claims);
}
