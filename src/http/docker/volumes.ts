import { randomBytes } from 'node:crypto';
import type { VolumeList, VolumeResource } from '../../../api/docker.ts';
import type { EngineApi } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import type { Volume } from '../../storage/storage.ts';
import type { Exchange } from '../exchange.ts';
import { Filters } from '../filters.ts';
import type { Route } from '../router.ts';
import { volumeCreateBody } from './create-schema.ts';
import { timestamp } from './times.ts';

export const volumeRoutes: readonly Route[] = [
  { method: 'GET', path: '/volumes', handler: list },
  { method: 'POST', path: '/volumes/create', handler: create },
  { method: 'GET', path: '/volumes/:name', handler: inspect },
  { method: 'DELETE', path: '/volumes/:name', handler: remove },
];

/** How Docker marks volumes that nobody named. */
const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

function list(engine: EngineApi, exchange: Exchange): void {
  const filters = Filters.read(exchange.query, ['dangling', 'driver', 'label', 'name']);
  const dangling = filters.flag('dangling');
  const volumes = engine.volumes
    .list()
    .filter(
      (volume) =>
        filters.any('name', (value) => volume.name.includes(value)) &&
        filters.any('driver', (value) => value === 'local') &&
        filters.labels(labelsOf(volume)) &&
        (dangling === undefined || dangling !== isUsed(engine, volume.name)),
    );
  const answer: VolumeList = { Volumes: volumes.map(volumeResource), Warnings: null };
  exchange.send(answer);
}

async function create(engine: EngineApi, exchange: Exchange): Promise<void> {
  const body = await exchange.json(volumeCreateBody);
  const driver = body.Driver ?? '';
  if (driver !== '' && driver !== 'local') {
    throw new HullError('not-supported', `Driver: the volume driver "${driver}" is not supported; use local`);
  }
  if (Object.keys(body.DriverOpts ?? {}).length > 0) {
    throw new HullError('not-supported', 'DriverOpts is not supported; leave it out');
  }
  const name = body.Name ?? '';
  const labels = body.Labels ?? {};
  const volume =
    name === ''
      ? await engine.volumes.ensure(randomBytes(32).toString('hex'), { ...labels, [ANONYMOUS_LABEL]: '' })
      : await engine.volumes.ensure(name, labels);
  exchange.send(volumeResource(volume), 201);
}

function inspect(engine: EngineApi, exchange: Exchange): void {
  exchange.send(volumeResource(find(engine, exchange.param('name'))));
}

async function remove(engine: EngineApi, exchange: Exchange): Promise<void> {
  const name = exchange.param('name');
  if (engine.volumes.find(name) === null && exchange.query.flag('force')) return exchange.empty();
  find(engine, name);
  await engine.volumes.remove(name);
  exchange.empty();
}

function find(engine: EngineApi, name: string): Volume {
  const volume = engine.volumes.find(name);
  if (volume === null) throw new HullError('volume-not-found', `get ${name}: no such volume`);
  return volume;
}

/** Does an instance mount the volume? */
function isUsed(engine: EngineApi, name: string): boolean {
  return engine.instances.list().some(({ config }) => config.mounts.some((mount) => mount.volume === name));
}

function labelsOf(volume: Volume): Readonly<Record<string, string>> {
  return volume.anonymous ? { ...volume.labels, [ANONYMOUS_LABEL]: '' } : volume.labels;
}

function volumeResource(volume: Volume): VolumeResource {
  const labels = labelsOf(volume);
  return {
    CreatedAt: timestamp(volume.createdAt),
    Driver: 'local',
    Labels: Object.keys(labels).length === 0 ? null : labels,
    Mountpoint: volume.path,
    Name: volume.name,
    Options: null,
    Scope: 'local',
  };
}
