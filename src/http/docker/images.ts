import type { EngineApi, RemovedImage } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';
import type { Exchange } from '../exchange.ts';
import { familiarName } from '../familiar-name.ts';
import { Filters } from '../filters.ts';
import type { Route } from '../router.ts';
import { createdTime, imageHistory, imageInspect } from './image-json.ts';
import { IMAGE_FILTERS, imageRows } from './image-list.ts';
import { checkImagePlatform } from './platform.ts';
import { labelsMatch, PRUNE_FILTERS, untilTime } from './prune-filters.ts';

export const imageRoutes: readonly Route[] = [
  { method: 'GET', path: '/images/json', handler: list },
  { method: 'POST', path: '/images/prune', handler: prune },
  { method: 'GET', path: '/images/*name/json', handler: inspect },
  { method: 'GET', path: '/images/*name/history', handler: history },
  { method: 'POST', path: '/images/*name/tag', handler: tag },
  { method: 'DELETE', path: '/images/*name', handler: remove },
];

async function list(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { query, apiMinor } = exchange;
  // The oldest clients' word for the filter.
  const old = query.nonEmpty('filter');
  const filters =
    old === undefined ? Filters.read(query, IMAGE_FILTERS) : Filters.of({ reference: [old] }, IMAGE_FILTERS);
  exchange.send(await imageRows(engine, { filters, withShared: query.flag('shared-size'), apiMinor }));
}

async function inspect(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { apiMinor } = exchange;
  const image = imageOf(engine, exchange);
  const usage = await engine.images.usage();
  const folders = engine.images.layerFolders(image);
  exchange.send(imageInspect(image, { size: usage.get(image.id)?.total ?? 0, folders, apiMinor }));
}

function history(engine: EngineApi, exchange: Exchange): void {
  exchange.send(imageHistory(imageOf(engine, exchange)));
}

/** The image that the path names, of the platform that the query does. */
function imageOf(engine: EngineApi, exchange: Exchange): Image {
  const name = exchange.param('name');
  const image = engine.images.get(name);
  checkImagePlatform(image, name, exchange.query.nonEmpty('platform'));
  return image;
}

function tag(engine: EngineApi, exchange: Exchange): void {
  const repository = exchange.query.nonEmpty('repo');
  if (repository === undefined)
    throw new HullError('invalid-argument', 'repository name must have at least one component');
  const wanted = exchange.query.nonEmpty('tag');
  engine.images.tag(exchange.param('name'), wanted === undefined ? repository : `${repository}:${wanted}`);
  exchange.empty(201);
}

async function remove(engine: EngineApi, exchange: Exchange): Promise<void> {
  const removed = await engine.images.remove(exchange.param('name'), { force: exchange.query.flag('force') });
  exchange.send(removed.map(removalLine));
}

async function prune(engine: EngineApi, exchange: Exchange): Promise<void> {
  const filters = Filters.read(exchange.query, ['dangling', ...PRUNE_FILTERS]);
  const until = untilTime(filters);
  const { removed, bytes } = await engine.images.prune({
    danglingOnly: filters.flag('dangling') ?? true,
    matches: (image) =>
      createdTime(image) <= until && labelsMatch(filters, image.config.config?.Labels ?? {}),
  });
  exchange.send({
    ImagesDeleted: removed.length === 0 ? null : removed.map(removalLine),
    SpaceReclaimed: bytes,
  });
}

function removalLine({
  untagged,
  deleted,
}: RemovedImage): { Untagged: string } | { Deleted: string | undefined } {
  return untagged === undefined ? { Deleted: deleted } : { Untagged: familiarName(untagged) };
}
