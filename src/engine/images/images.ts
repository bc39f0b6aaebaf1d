import type { Builder } from '../../build/index.ts';
import type { ImageStore } from '../../images/image-store.ts';
import { HullError } from '../../model/errors.ts';
import type { Digest, Image } from '../../model/image.ts';
import type { ProgressSink } from '../../model/progress.ts';
import type { BuildCacheRepository } from '../../state/build-cache.ts';
import type { BuildEvent, BuildRequest, Images, PrunedCache, RemovedImage } from '../api.ts';
import type { EventBus } from '../events.ts';
import type { Registry } from '../instances/registry.ts';
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
  readonly builder: Builder;
  readonly buildCache: Pick<BuildCacheRepository, 'prune'>;
  readonly bootstrapper: Bootstrapper;
  readonly registry: Registry;
  readonly events: EventBus;
  /** `debian` as a full reference, and back as users know it. */
  readonly normalize: (reference: string) => string;
  readonly familiar: (reference: string) => string;
}

const SHORT_ID = 12;

/** Use cases of images. */
export class ImageService implements Images {
  readonly #parts: ImagesParts;
  /** Builds and the like: their layers are not yet an image's. */
  readonly #making = new Set<Promise<Image>>();
  #pruning: Promise<unknown> = Promise.resolve();

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
    const image = this.get(reference);
    this.#parts.store.tag(image.id, target);
    this.#event('tag', image.id, this.#parts.familiar(this.#parts.normalize(target)));
  }

  async remove(reference: string, options: { force?: boolean } = {}): Promise<readonly RemovedImage[]> {
    const { store, registry, normalize, familiar } = this.#parts;
    const image = this.get(reference);
    const users = registry
      .all()
      .filter(({ config }) => config.source.kind === 'image' && config.source.imageId === image.id)
      .map(({ config, status }) => ({ name: config.name, running: status.state === 'running' }));
    const byId = !image.references.includes(safely(normalize, reference));
    const plan = planRemoval({
      image,
      reference: byId ? null : normalize(reference),
      shown: familiar(byId ? image.id.slice('sha256:'.length).slice(0, SHORT_ID) : normalize(reference)),
      users,
      force: options.force ?? false,
    });
    if ('refusal' in plan) throw new HullError('image-in-use', plan.refusal);
    return this.#carryOut(store, image, plan, familiar);
  }

  async #carryOut(
    store: ImageStore,
    image: Image,
    plan: RemovalPlan,
    familiar: (reference: string) => string,
  ): Promise<RemovedImage[]> {
    const removed: RemovedImage[] = [];
    for (const tag of plan.untag) {
      store.untag(tag);
      removed.push({ untagged: familiar(tag) });
      this.#event('untag', image.id, familiar(tag));
    }
    if (!plan.remove) return removed;
    await store.remove(image.id);
    this.#event('delete', image.id, image.id);
    return [...removed, { deleted: image.id }];
  }

  async build(
    request: BuildRequest,
    onEvent: (event: BuildEvent) => void,
    signal?: AbortSignal,
  ): Promise<Image> {
    const image = await this.#make(() => this.#parts.builder.build(request, onEvent, signal));
    for (const tag of request.tags) this.#event('tag', image.id, tag);
    this.#parts.events.publish('builder', 'build', image.id);
    return image;
  }

  async bootstrap(
    reference: string,
    options: { packages?: readonly string[] },
    onProgress: ProgressSink,
    signal?: AbortSignal,
  ): Promise<Image> {
    const { bootstrapper } = this.#parts;
    const image = await this.#make(() => bootstrapper.bootstrap(reference, options, onProgress, signal));
    this.#event('import', image.id, reference);
    return image;
  }

  async pruneBuildCache({ all }: { all: boolean }): Promise<PrunedCache> {
    if (this.#making.size > 0)
      throw new HullError('wrong-state', 'an image is being made; prune the build cache when that is over');
    const { buildCache, events, store } = this.#parts;
    const pruned = store.prune(new Set());
    this.#pruning = pruned.catch(() => undefined);
    const layers = await pruned;
    buildCache.prune({ all });
    const bytes = layers.reduce((sum, { blob, unpackedSize }) => sum + blob.size + unpackedSize, 0);
    events.publish('builder', 'prune', '', { reclaimed: String(bytes) });
    return { layers: layers.map(({ diffId }) => diffId), bytes };
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

  async #make(work: () => Promise<Image>): Promise<Image> {
    await this.#pruning;
    const made = work();
    this.#making.add(made);
    try {
      return await made;
    } finally {
      this.#making.delete(made);
    }
  }

  /** For use cases elsewhere that make an image: its layers are not pruned meanwhile. */
  making(work: () => Promise<Image>): Promise<Image> {
    return this.#make(work);
  }

  /** Resolves when no image is being made any more: those who asked for them have gone, and what was half done is undone. */
  async settled(): Promise<void> {
    while (this.#making.size > 0) await Promise.allSettled(this.#making);
  }

  #event(action: string, id: Digest, name: string): void {
    this.#parts.events.publish('image', action, id, { name });
  }
}

function safely(normalize: (reference: string) => string, reference: string): string {
  try {
    return normalize(reference);
  } catch {
    return '';
  }
}
