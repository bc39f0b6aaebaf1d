import type {
  BuildCacheResource,
  ContainerSummary,
  DiskUsageResponse,
  ImageSummary,
} from '../../../api/docker.ts';
import type { CachedStep, DiskUsage, DiskUser, EngineApi } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import type { Exchange } from '../exchange.ts';
import { Filters } from '../filters.ts';
import type { Route } from '../router.ts';
import { volumeResource } from '../volume-resource.ts';
import { containerSummary } from './container-json.ts';
import { stepId } from './build-prune.ts';
import { networkFacts } from './container-network-json.ts';
import { imageRows } from './image-list.ts';

export const diskUsageRoutes: readonly Route[] = [{ method: 'GET', path: '/system/df', handler: diskUsage }];

const KINDS: readonly DiskUser[] = ['container', 'image', 'volume', 'build-cache'];
/** Until then the build cache's size was a field of its own. */
const NO_BUILDER_SIZE_SINCE = 42;

async function diskUsage(engine: EngineApi, exchange: Exchange): Promise<void> {
  const wanted = wantedKinds(exchange.query.all('type'));
  const usage = await engine.system.diskUsage(wanted, exchange.signal);
  const cache = usage.buildCache?.map(buildCacheResource) ?? null;
  const answer: DiskUsageResponse = {
    LayersSize: usage.layers ?? 0,
    Images: usage.layers === null ? null : await images(engine, exchange.apiMinor),
    Containers: usage.instances === null ? null : containers(engine, usage.instances),
    Volumes:
      usage.volumes?.map(({ volume, bytes, users }) => volumeResource(volume, { size: bytes, users })) ??
      null,
    BuildCache: cache,
    ...(exchange.apiMinor < NO_BUILDER_SIZE_SINCE
      ? { BuilderSize: (cache ?? []).reduce((sum, { Size }) => sum + Size, 0) }
      : {}),
  };
  exchange.send(answer);
}

/** All of them, where none is named. */
function wantedKinds(types: readonly string[]): ReadonlySet<DiskUser> {
  if (types.length === 0) return new Set(KINDS);
  return new Set(
    types.map((type) => {
      const known = KINDS.find((kind) => kind === type);
      if (known !== undefined) return known;
      throw new HullError('invalid-argument', `unknown object type: ${type}`);
    }),
  );
}

async function images(engine: EngineApi, apiMinor: number): Promise<readonly ImageSummary[]> {
  const rows = await imageRows(engine, { filters: new Filters(new Map()), withShared: true, apiMinor });
  const users = new Map<string, number>();
  for (const { config } of engine.instances.list()) {
    if (config.source.kind !== 'image') continue;
    users.set(config.source.imageId, (users.get(config.source.imageId) ?? 0) + 1);
  }
  return rows.map((row) => ({ ...row, Containers: users.get(row.Id) ?? 0 }));
}

/** Those that went while their files were measured are left out. */
function containers(
  engine: EngineApi,
  sizes: NonNullable<DiskUsage['instances']>,
): readonly ContainerSummary[] {
  const now = Date.now();
  const facts = networkFacts(engine);
  return engine.instances
    .list()
    .filter(({ config }) => sizes.has(config.id))
    .map((instance) => containerSummary(facts, instance, now, sizes.get(instance.config.id) ?? null));
}

function buildCacheResource({ key, createdAt, bytes, shared }: CachedStep): BuildCacheResource {
  const time = new Date(createdAt).toISOString();
  return {
    ID: stepId(key),
    Type: 'regular',
    Description: '',
    InUse: false,
    Shared: shared,
    Size: bytes,
    CreatedAt: time,
    LastUsedAt: time,
    UsageCount: 1,
  };
}
