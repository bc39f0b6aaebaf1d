import type { VolumeList, VolumePruneResponse } from '../../../api/docker.ts';
import type { EngineApi } from '../../engine/api.ts';
import { HullError, isHullError } from '../../model/errors.ts';
import type { Exchange } from '../exchange.ts';
import { Filters } from '../filters.ts';
import { namePatterns } from '../name-patterns.ts';
import type { Route } from '../router.ts';
import { labelsOf, volumeResource } from '../volume-resource.ts';
import { volumeCreateBody } from './create-schema.ts';
import { NO_SWARM } from './outside-swarm.ts';
import { labelsMatch } from './prune-filters.ts';

export const volumeRoutes: readonly Route[] = [
  { method: 'GET', path: '/volumes', handler: list },
  { method: 'POST', path: '/volumes/create', handler: create },
  { method: 'POST', path: '/volumes/prune', handler: prune },
  { method: 'GET', path: '/volumes/:name', handler: inspect },
  { method: 'PUT', path: '/volumes/:name', handler: update },
  { method: 'DELETE', path: '/volumes/:name', handler: remove },
];

/** Since then pruning takes named volumes only where `all` is asked for. */
const ANONYMOUS_ONLY_SINCE = 42;

function list(engine: EngineApi, exchange: Exchange): void {
  const filters = Filters.read(exchange.query, ['dangling', 'driver', 'label', 'name']);
  const dangling = filters.flag('dangling');
  const matchesName = namePatterns(filters, 'name');
  const volumes = engine.volumes
    .list()
    .filter(
      (volume) =>
        matchesName(volume.name) &&
        filters.any('driver', (value) => value === 'local') &&
        filters.labels(labelsOf(volume)) &&
        (dangling === undefined || dangling === (engine.volumes.usersOf(volume.name).length === 0)),
    );
  const answer: VolumeList = { Volumes: volumes.map((volume) => volumeResource(volume)), Warnings: null };
  exchange.send(answer);
}

async function create(engine: EngineApi, exchange: Exchange): Promise<void> {
  const body = await exchange.json(volumeCreateBody);
  if (body.ClusterVolumeSpec !== undefined && body.ClusterVolumeSpec !== null)
    throw new HullError('outside-swarm', NO_SWARM);
  const volume = await engine.volumes.create({
    ...((body.Name ?? '') === '' ? {} : { name: body.Name ?? '' }),
    driver: body.Driver ?? '',
    options: body.DriverOpts ?? {},
    labels: body.Labels ?? {},
  });
  exchange.send(volumeResource(volume), 201);
}

function inspect(engine: EngineApi, exchange: Exchange): void {
  exchange.send(volumeResource(engine.volumes.get(exchange.param('name'))));
}

function update(): void {
  throw new HullError(
    'outside-swarm',
    'volume update only valid for cluster volumes, but swarm is unavailable',
  );
}

async function remove(engine: EngineApi, exchange: Exchange): Promise<void> {
  try {
    await engine.volumes.remove(exchange.param('name'));
  } catch (error) {
    // All that force means: one that is in use stays.
    if (!(isHullError(error, 'volume-not-found') && exchange.query.flag('force'))) throw error;
  }
  exchange.empty();
}

async function prune(engine: EngineApi, exchange: Exchange): Promise<void> {
  const filters = Filters.read(exchange.query, ['label', 'label!', 'all']);
  const { names, bytes } = await engine.volumes.prune({
    all: filters.flag('all') === true || exchange.apiMinor < ANONYMOUS_ONLY_SINCE,
    matches: (volume) => labelsMatch(filters, labelsOf(volume)),
  });
  const answer: VolumePruneResponse = { VolumesDeleted: names, SpaceReclaimed: bytes };
  exchange.send(answer);
}
