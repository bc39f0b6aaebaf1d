import { mkdir } from 'node:fs/promises';
import type { Host } from '../host/host.ts';
import type { ImageStore } from '../images/image-store.ts';
import { KeyedLock } from '../lib/keyed-lock.ts';
import { LayerHolds } from '../lib/layer-holds.ts';
import type { Image } from '../model/image.ts';
import type { BuildNode } from './graph/node.ts';
import { normalizeReference } from '../model/reference.ts';
import type { LayerStore } from '../storage/layer-store.ts';
import type { Leftover } from '../model/leftover.ts';
import type { RootStorage } from '../storage/storage.ts';
import type { Trees } from '../storage/trees.ts';
import { planWithImages } from './base-images.ts';
import type { BuildCache } from './cache.ts';
import { unpackContext, type BuildContext } from './context.ts';
import type { ReadAttributes } from './copy/source-tree.ts';
import { exportConfig, sourceDateEpoch } from './export.ts';
import { planBuild } from './graph/plan.ts';
import { platformOf } from './graph/variables.ts';
import { parseBlueprint } from './parser/parse.ts';
import { carryOut } from './solve/carry-out.ts';
import { StepAnnouncer } from './solve/step-announcer.ts';
import { Slots } from '../lib/slots.ts';
import { Solver, type SolverDeps } from './solve/solver.ts';
import type { StepRunner } from './step-runner.ts';
import type { BuildEvent, BuildEventSink, BuildRequest } from './types.ts';

export type { BuildEvent, BuildRequest } from './types.ts';

export interface BuilderDeps {
  readonly host: Host;
  readonly images: Pick<ImageStore, 'find' | 'commit'>;
  readonly layers: Pick<LayerStore, 'find' | 'hold'>;
  readonly storage: Pick<RootStorage, 'withReadOnlyLayers' | 'withWritableLayers'>;
  readonly cache: BuildCache;
  readonly runner: StepRunner;
  readonly trees: Pick<Trees, 'extract'>;
  /** Runs `use` with a folder on the store's filesystem (not made) that is removed afterwards. */
  readonly withTemporary: <T>(use: (folder: string) => Promise<T>) => Promise<T>;
  readonly readAttributes: ReadAttributes;
  /** Steps that may run at once, over all builds; default 2. */
  readonly parallel?: number;
}

export interface Builder {
  /**
   * Builds an image from a context. Rejects `blueprint-invalid`, `build-failed`, `path-not-found`, `image-not-found`, `no-space` with the place
   * in the blueprint; whatever happens, only finished layers stay (for the next build), never a half image or a mount.
   */
  build(request: BuildRequest, onEvent: BuildEventSink, signal?: AbortSignal): Promise<Image>;
  /** Does this id, or its beginning, belong to a step that runs now? What exists for it is no leak. */
  owns(id: string): boolean;
  /** What a killed daemon left of steps, beside what runtime, network and storage find. */
  inventory(): readonly Leftover[];
}

/** blueprint -> tree -> plan -> solver -> image. */
export function createBuilder(deps: BuilderDeps): Builder {
  const shared: SolverDeps = {
    layers: deps.layers,
    cache: deps.cache,
    locks: new KeyedLock(),
    slots: new Slots(deps.parallel ?? 2),
    now: Date.now,
  };
  return {
    owns: (id) => deps.runner.owns(id),
    inventory: () => deps.runner.inventory(),
    async build(request, onEvent, signal) {
      const abort = new AbortController();
      const follow = (): void => abort.abort(signal?.reason);
      if (signal?.aborted === true) follow();
      signal?.addEventListener('abort', follow, { once: true });
      try {
        return await deps.withTemporary(async (folder) => {
          await mkdir(folder, { mode: 0o700 });
          const context = await unpackContext(
            deps.host,
            deps.trees,
            request.context,
            folder,
            request.blueprint,
            abort.signal,
          );
          using holds = new LayerHolds(deps.layers);
          return await buildFrom(deps, shared, request, context, onEvent, abort, holds);
        });
      } finally {
        signal?.removeEventListener('abort', follow);
      }
    },
  };
}

async function buildFrom(
  deps: BuilderDeps,
  shared: SolverDeps,
  request: BuildRequest,
  context: BuildContext,
  emit: (event: BuildEvent) => void,
  abort: AbortController,
  holds: LayerHolds,
): Promise<Image> {
  // Refuses a malformed tag before the work, not after it.
  for (const tag of request.tags) normalizeReference(tag);
  const epoch = sourceDateEpoch(request.args);
  const platform = platformOf(process.arch);
  const { target, args, labels, settings = {}, noCache, tags, fetchImage } = request;
  const tree = parseBlueprint(context.blueprint.text, context.blueprint.name);
  const wanted = { ...(target === undefined ? {} : { target }), args, labels, platform };
  const plan = await planWithImages((lookup) => planBuild(tree, wanted, lookup), {
    find: (reference) => holds.image(deps.images.find(reference)),
    fetch:
      fetchImage === undefined ? undefined : async (reference) => holds.image(await fetchImage(reference)),
    always: request.fetchAlways ?? false,
  });
  for (const text of plan.warnings) emit({ type: 'warning', text });
  const { host, storage, trees, readAttributes, runner } = deps;
  const tools = { host, storage, trees, readAttributes, runner, context, settings, emit };
  const steps = new StepAnnouncer(plan, emit);
  const onBegin = (node: BuildNode): void => steps.begins(node);
  const solver = new Solver(shared, tools, { noCache, signal: abort.signal, claims: holds, onBegin });
  const { layers } = await carryOut(plan, solver, steps, abort);
  const config = await exportConfig(plan, {
    platform,
    epoch,
    now: shared.now(),
    resultOf: (node) => solver.solve(node),
  });
  abort.signal.throwIfAborted();
  const image = await deps.images.commit(config, layers, tags);
  emit({ type: 'image', id: image.id, tags });
  return image;
}
