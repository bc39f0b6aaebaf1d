import type { EngineApi } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';
import type { Exchange } from '../exchange.ts';
import { Filters } from '../filters.ts';
import type { Route } from '../router.ts';
import { imageHistory, imageInspect, imageSummary } from './image-json.ts';
import { familiarName, splitTag } from '../familiar-name.ts';

export const imageRoutes: readonly Route[] = [
  { method: 'GET', path: '/images/json', handler: list },
  { method: 'GET', path: '/images/*name/json', handler: inspect },
  { method: 'GET', path: '/images/*name/history', handler: history },
  { method: 'POST', path: '/images/*name/tag', handler: tag },
  { method: 'DELETE', path: '/images/*name', handler: remove },
];

const IMAGE_FILTERS = ['before', 'dangling', 'label', 'reference', 'since', 'until'] as const;

async function list(engine: EngineApi, exchange: Exchange): Promise<void> {
  const filters = Filters.read(exchange.query, IMAGE_FILTERS);
  const usage = await engine.images.usage();
  const withShared = exchange.query.flag('shared-size');
  const rows = filterImages(engine, filters)
    .toSorted((a, b) => created(b) - created(a))
    .map((image) => imageSummary(image, usage.get(image.id) ?? null, withShared, users(engine, image)));
  exchange.send(rows);
}

function created(image: Image): number {
  return image.config.created === undefined ? 0 : Date.parse(image.config.created);
}

function users(engine: EngineApi, image: Image): number {
  return engine.instances
    .list()
    .filter(({ config }) => config.source.kind === 'image' && config.source.imageId === image.id).length;
}

/** Throws `image-not-found` for an unknown `before` or `since`. */
function filterImages(engine: EngineApi, filters: Filters): readonly Image[] {
  const [beforeName] = filters.get('before');
  const [sinceName] = filters.get('since');
  const before = beforeName === undefined ? Infinity : created(engine.images.get(beforeName));
  const since = sinceName === undefined ? -Infinity : created(engine.images.get(sinceName));
  const dangling = filters.flag('dangling');
  return engine.images
    .list()
    .filter(
      (image) =>
        created(image) < before &&
        created(image) > since &&
        (dangling === undefined || dangling === (image.references.length === 0)) &&
        filters.any('until', (value) => created(image) <= untilTime(value)) &&
        filters.labels(image.config.config?.Labels ?? {}) &&
        filters.any('reference', (pattern) =>
          image.references.some((name) => matchesReference(name, pattern)),
        ),
    );
}

function untilTime(text: string): number {
  const time = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(time)) throw new HullError('invalid-argument', `filter "until": "${text}" is not a time`);
  return time;
}

/** Shell patterns over the familiar name, with and without tag: `*` and `?` stop at slashes. */
function matchesReference(reference: string, pattern: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|\\]/g, String.raw`\$&`)
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  const name = familiarName(reference);
  try {
    const expression = new RegExp(`^${source}$`);
    return expression.test(name) || expression.test(splitTag(name)[0]) || expression.test(reference);
  } catch (error) {
    throw new HullError('invalid-argument', `filter "reference": "${pattern}" is not a pattern`, {
      cause: error,
    });
  }
}

async function inspect(engine: EngineApi, exchange: Exchange): Promise<void> {
  const image = engine.images.get(exchange.param('name'));
  const usage = await engine.images.usage();
  exchange.send(imageInspect(image, usage.get(image.id)?.total ?? 0));
}

function history(engine: EngineApi, exchange: Exchange): void {
  exchange.send(imageHistory(engine.images.get(exchange.param('name'))));
}

function tag(engine: EngineApi, exchange: Exchange): void {
  const repository = exchange.query.nonEmpty('repo');
  if (repository === undefined) throw new HullError('invalid-argument', 'query parameter "repo" is missing');
  const wanted = exchange.query.nonEmpty('tag');
  engine.images.tag(exchange.param('name'), wanted === undefined ? repository : `${repository}:${wanted}`);
  exchange.empty(201);
}

async function remove(engine: EngineApi, exchange: Exchange): Promise<void> {
  const removed = await engine.images.remove(exchange.param('name'), { force: exchange.query.flag('force') });
  exchange.send(
    removed.map(({ untagged, deleted }) =>
      untagged === undefined ? { Deleted: deleted } : { Untagged: familiarName(untagged) },
    ),
  );
}
