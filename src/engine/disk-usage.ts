import { SharedWork } from '../lib/shared-work.ts';
import type { Digest, Image } from '../model/image.ts';
import type { BuildCacheRepository } from '../state/build-cache.ts';
import type { TreeSizes } from '../storage/tree-sizes.ts';
import type { CachedStep, DiskUsage, DiskUser } from './api/disk-usage.ts';
import { cachedSteps } from './images/cache-plan.ts';
import type { Instances, Volumes } from './api.ts';

export interface DiskUsageParts {
  readonly images: { list(): readonly Image[] };
  readonly instances: Pick<Instances, 'list' | 'sizes'>;
  readonly volumes: Pick<Volumes, 'list' | 'usersOf'>;
  readonly sizes: TreeSizes;
  readonly buildCache: Pick<BuildCacheRepository, 'list'>;
}

type InstanceSizes = NonNullable<DiskUsage['instances']>;
type VolumeSizes = NonNullable<DiskUsage['volumes']>;

/** Measures what takes the disk, beside everything else that goes on. Those who ask at the same time share the work. */
export class DiskMeter {
  readonly #parts: DiskUsageParts;
  readonly #instances = new SharedWork<InstanceSizes>();
  readonly #volumes = new SharedWork<VolumeSizes>();

  constructor(parts: DiskUsageParts) {
    this.#parts = parts;
  }

  async measure(wanted: ReadonlySet<DiskUser>, signal?: AbortSignal): Promise<DiskUsage> {
    const { images } = this.#parts;
    const layers = new Map(
      images.list().flatMap((image) => image.layers.map((one) => [one.diffId, one.unpackedSize])),
    );
    const [instances, volumes] = await Promise.all([
      wanted.has('container')
        ? this.#instances.run('', (stopped) => this.#measureInstances(stopped), signal)
        : null,
      wanted.has('volume') ? this.#volumes.run('', (stopped) => this.#measureVolumes(stopped), signal) : null,
    ]);
    return {
      layers: wanted.has('image') ? sum(layers.values()) : null,
      instances,
      volumes,
      buildCache: wanted.has('build-cache') ? this.#cachedSteps(new Set(layers.keys())) : null,
    };
  }

  async #measureInstances(signal: AbortSignal): Promise<InstanceSizes> {
    const { instances } = this.#parts;
    const rows = instances.list().map(async ({ config }) => {
      const sizes = await instances.sizes(config.id, signal).catch(() => ({ writable: -1, root: -1 }));
      return [config.id, sizes] as const;
    });
    return new Map(await Promise.all(rows));
  }

  async #measureVolumes(signal: AbortSignal): Promise<VolumeSizes> {
    const { volumes, sizes } = this.#parts;
    const plain = volumes.list().filter(({ options }) => Object.keys(options).length === 0);
    return await Promise.all(
      plain.map(async (volume) => ({
        volume,
        bytes: await sizes.measure(volume.path, signal).catch(() => -1),
        users: volumes.usersOf(volume.name).length,
      })),
    );
  }

  #cachedSteps(ofImages: ReadonlySet<Digest>): readonly CachedStep[] {
    return cachedSteps(this.#parts.buildCache.list(), ofImages);
  }
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
