import { setTimeout as sleep } from 'node:timers/promises';
import type { Builder } from '../../build/index.ts';
import type { ImageStore } from '../../images/image-store.ts';
import { chainIds } from '../../images/import-tree.ts';
import { digestOf } from '../../lib/digest.ts';
import { HullError, isHullError } from '../../model/errors.ts';
import type { Digest, Image } from '../../model/image.ts';
import type { ProgressSink } from '../../model/progress.ts';
import { parseReference } from '../../model/reference.ts';
import type { BuildCacheRepository } from '../../state/build-cache.ts';
import type { LayerStore } from '../../storage/layer-store.ts';
import type {
  BuildEvent,
  BuildRequest,
  CacheRule,
  Images,
  PrunedCache,
  PrunedImages,
  RemovedImage,
} from '../api.ts';
import type { EventBus } from '../events.ts';
import type { Registry } from '../instances/registry.ts';
import { planCachePrune } from './cache-plan.ts';
import { publishImage } from './image-events.ts';
import { Makings } from './makings.ts';
import { planRemoval, type RemovalPlan } from './removal.ts';

/** Makes base images from the host's packages. */
export interface Bootstrapper {
  bootstrap(
    reference: string,
    options: { packages?: readonly string[] },
    onProgress: ProgressSink,
    signal?: AbortSignal,
  ): Promise<Image>;
}

export interface ImagesParts {
  readonly store: ImageStore;
  readonly layers: Pick<LayerStore, 'path' | 'isUnpacked'>;
  readonly builder: Builder;
  readonly buildCache: Pick<BuildCacheRepository, 'prune' | 'forget' | 'list'>;
  readonly bootstrapper: Bootstrapper;
  readonly registry: Registry;
  readonly events: EventBus;
  /** `debian` as a full reference, and back as users know it. */
  readonly normalize: (reference: string) => string;
  readonly familiar: (reference: string) => string;
}

/** Milliseconds that a removal waits for instances that are being removed. */
const REMOVAL_PATIENCE = 5000;
const RUNNING: ReadonlySet<string> = new Set(['starting', 'running', 'paused', 'restarting', 'stopping']);

/** Use cases of images. */
export class ImageService implements Images {
  readonly #parts: ImagesParts;
  readonly #makings = new Makings();

  constructor(parts: ImagesParts) {
    this.#parts = parts;
  }

  list(): readonly Image[] {
    return this.#parts.store.list();
  }

  get(reference: string): Image {
    return this.#parts.store.get(reference);
  }

  tag(reference: string, target: string): void {
    const { store, familiar, normalize, events } = this.#parts;
    if (parseReference(target).digest !== null)
      throw new HullError('invalid-reference', 'refusing to create a tag with a digest reference');
    const image = this.get(reference);
    store.tag(image.id, target);
    publishImage(events, 'tag', image, { name: familiar(normalize(target)) });
  }

  async remove(reference: string, options: { force?: boolean } = {}): Promise<readonly RemovedImage[]> {
    const { normalize, store } = this.#parts;
    const damaged = options.force === true ? store.damaged(reference) : null;
    if (damaged !== null) return this.#discard(damaged);
    await this.#untilRemoved(this.get(reference));
    const image = this.get(reference);
    const named = safely(normalize, reference);
    const known = [...image.references, ...(image.digests ?? [])];
    // Its digest is the image's, but by this name nobody knows it.
    if (named.includes('@') && !known.includes(named))
      throw new HullError('image-not-found', `No such image: ${reference}`);
    const plan = planRemoval({
      image,
      reference: known.includes(named) ? named : null,
      shown: reference,
      users: this.#users(image),
      force: options.force ?? false,
    });
    if ('refusal' in plan) throw new HullError('image-in-use', plan.refusal);
    return (await this.#carryOut(image, plan)).removed;
  }

  async prune({
    danglingOnly,
    matches,
  }: {
    readonly danglingOnly: boolean;
    readonly matches: (image: Image) => boolean;
  }): Promise<PrunedImages> {
    if (!danglingOnly) this.#parts.registry.damaged.refuseGuessing('pruning images');
    const removed: RemovedImage[] = [];
    let bytes = 0;
    for (const { id } of this.list()) {
      // Asked for anew each time: it may have got another name in between, or an instance, or be gone.
      const image = this.#parts.store.find(id);
      if (image === null || (danglingOnly && image.references.length > 0) || !matches(image)) continue;
      if (this.#users(image).length > 0) continue;
      const untag = [...image.references, ...(image.digests ?? [])];
      const done = await this.#carryOut(image, { untag, remove: true }).catch(onlyGone);
      removed.push(...done.removed);
      bytes += done.bytes;
    }
    this.#parts.events.publish('image', 'prune', '', { reclaimed: String(bytes) });
    return { removed, bytes };
  }

  layerFolders(image: Image): readonly string[] {
    const { layers } = this.#parts;
    const unpacked = image.layers.filter(({ diffId }) => layers.isUnpacked(diffId));
    return unpacked.map(({ diffId }) => layers.path(diffId)).toReversed();
  }

  /** Instances that are just being removed are no reason to refuse: a moment later they are gone. */
  async #untilRemoved(image: Image): Promise<void> {
    const deadline = Date.now() + REMOVAL_PATIENCE;
    while (Date.now() < deadline && this.#users(image).some(({ state }) => state === 'removing'))
      await sleep(10);
  }

  /** A record that cannot be read is removed only by name, and not from under anybody. */
  #discard(id: Digest): readonly RemovedImage[] {
    const { store, registry } = this.#parts;
    const user = registry
      .all()
      .find(({ config: { source } }) => source.kind === 'image' && source.imageId === id);
    const name = user?.config.name ?? registry.damaged.naming(id)?.name;
    if (name !== undefined)
      throw new HullError(
        'image-in-use',
        `conflict: unable to delete ${id.slice(7, 19)} (cannot be forced) - image is being used by container ${name}`,
      );
    store.discard(id);
    return [{ deleted: id }];
  }

  #users(image: Image): { id: string; state: string; running: boolean }[] {
    const unreadable = this.#parts.registry.damaged.naming(image.id);
    const users = this.#parts.registry
      .all()
      .filter(({ config }) => config.source.kind === 'image' && config.source.imageId === image.id)
      .map(({ config, status: { state } }) => ({ id: config.id, state, running: RUNNING.has(state) }));
    // It may run.
    return unreadable === null ? users : [...users, { id: unreadable.id, state: 'dead', running: true }];
  }

  async #carryOut(image: Image, plan: RemovalPlan): Promise<PrunedImages> {
    const { store, events } = this.#parts;
    const removed: RemovedImage[] = [];
    for (const name of plan.untag) {
      store.untag(name);
      removed.push({ untagged: name });
      publishImage(events, 'untag', image);
    }
    if (!plan.remove) return { removed, bytes: 0 };
    // Others' changes come first: whoever gave it a name meanwhile, or made an instance of it, keeps it.
    const gone = new Set(await store.remove(image.id, (now) => isNamed(now) || this.#users(now).length > 0));
    if (!gone.has(image.id)) return { removed, bytes: 0 };
    publishImage(events, 'delete', image);
    removed.push({ deleted: image.id });
    const diffIds = image.config.rootfs.diff_ids;
    const chain = chainIds(diffIds, digestOf);
    const layers = chain.filter((_, index) => gone.has(diffIds[index] ?? image.id)).toReversed();
    removed.push(...layers.map((deleted) => ({ deleted })));
    const bytes = image.layers.reduce(
      (sum, layer) => sum + (gone.has(layer.diffId) ? layer.unpackedSize : 0),
      0,
    );
    return { removed, bytes };
  }

  async build(
    request: BuildRequest,
    onEvent: (event: BuildEvent) => void,
    signal?: AbortSignal,
  ): Promise<Image> {
    const { builder, events, familiar, normalize } = this.#parts;
    const image = await this.making(() => builder.build(request, onEvent, signal));
    for (const tag of request.tags) publishImage(events, 'tag', image, { name: familiar(normalize(tag)) });
    events.publish('builder', 'build', image.id);
    return image;
  }

  async bootstrap(
    reference: string,
    options: { packages?: readonly string[] },
    onProgress: ProgressSink,
    signal?: AbortSignal,
  ): Promise<Image> {
    const { bootstrapper, events } = this.#parts;
    const image = await this.making(() => bootstrapper.bootstrap(reference, options, onProgress, signal));
    publishImage(events, 'import', image, { name: reference });
    return image;
  }

  async pruneBuildCache(rule: CacheRule): Promise<PrunedCache> {
    const { buildCache, events, store } = this.#parts;
    const ofImages = new Set(this.list().flatMap(({ layers }) => layers.map(({ diffId }) => diffId)));
    const layers = await this.#makings.pause(async () => {
      const { keep, forget } = planCachePrune(buildCache.list(), ofImages, rule);
      const gone = await store.prune(keep);
      if (rule.all) buildCache.forget(forget);
      return gone;
    });
    buildCache.prune();
    const bytes = layers.reduce((sum, { blob, unpackedSize }) => sum + blob.size + unpackedSize, 0);
    events.publish('builder', 'prune', '', { reclaimed: String(bytes) });
    return { layers: layers.map(({ diffId }) => diffId), bytes };
  }

  /** For use cases elsewhere that make images: their layers are not pruned meanwhile. */
  making<T>(work: () => Promise<T>): Promise<T> {
    return this.#makings.run(work);
  }

  /** Resolves when no image is being made any more. */
  settled(): Promise<void> {
    return this.#makings.settled();
  }

  usage(): Promise<ReadonlyMap<Digest, { total: number; shared: number }>> {
    const users = new Map<Digest, number>();
    for (const image of this.list()) {
      for (const diffId of new Set(image.layers.map((layer) => layer.diffId)))
        users.set(diffId, (users.get(diffId) ?? 0) + 1);
    }
    const usage = this.list().map((image): [Digest, { total: number; shared: number }] => {
      const sum = (layers: Image['layers']): number =>
        layers.reduce((bytes, layer) => bytes + layer.unpackedSize, 0);
      return [
        image.id,
        {
          total: sum(image.layers),
          shared: sum(image.layers.filter((layer) => (users.get(layer.diffId) ?? 0) > 1)),
        },
      ];
    });
    return Promise.resolve(new Map(usage));
  }
}

function isNamed({ references, digests = [] }: Image): boolean {
  return references.length > 0 || digests.length > 0;
}

/** Somebody else removed it at the same time: nothing is left to do. */
function onlyGone(error: unknown): PrunedImages {
  if (isHullError(error, 'image-not-found')) return { removed: [], bytes: 0 };
  throw error;
}

function safely(normalize: (reference: string) => string, reference: string): string {
  try {
    return canonical(normalize(reference));
  } catch {
    return '';
  }
}

/** A tag beside a digest says nothing. */
function canonical(reference: string): string {
  return reference.replace(/:[^/:@]+@/, '@');
}
