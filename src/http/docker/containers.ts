import type { ContainerCreateResponse, ContainerTopResponse } from '../../../api/docker.ts';
import type { EngineApi } from '../../engine/api.ts';
import { HullError, isHullError } from '../../model/errors.ts';
import type { Instance } from '../../model/instance.ts';
import type { Exchange } from '../exchange.ts';
import { Filters } from '../filters.ts';
import type { Route } from '../router.ts';
import { CONTAINER_FILTERS, filterInstances } from './container-filters.ts';
import { networkFacts } from './container-network-json.ts';
import { containerInspect, containerSummary, sourceName } from './container-json.ts';
import { hasProcess } from './container-state.ts';
import { toCreateInstance } from './create-request.ts';
import { createBody } from './create-schema.ts';
import { checkUnsupported } from './create-unsupported.ts';

export const containerRoutes: readonly Route[] = [
  { method: 'GET', path: '/containers/json', handler: list },
  { method: 'POST', path: '/containers/create', handler: create },
  { method: 'GET', path: '/containers/:id/json', handler: inspect },
  { method: 'GET', path: '/containers/:id/top', handler: top },
  { method: 'POST', path: '/containers/:id/resize', handler: resize },
];

async function list(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { query } = exchange;
  const filters = Filters.read(query, CONTAINER_FILTERS);
  const limit = query.integer('limit') ?? 0;
  const everyState = query.flag('all') || limit > 0 || filters.has('status') || filters.has('health');
  // Reversed first: of two that were created at the same time, the later one in the list is the newer.
  const newestFirst = [...engine.instances.list()]
    .toReversed()
    .toSorted((a, b) => b.config.createdAt - a.config.createdAt);
  const passing = filterInstances(engine, newestFirst, filters).filter(
    (instance) => everyState || hasProcess(instance.status),
  );
  const chosen = limit > 0 ? passing.slice(0, limit) : passing;
  const now = Date.now();
  const withSizes = query.flag('size');
  const imageOf = listedImages(engine);
  const facts = networkFacts(engine);
  const rows = chosen.map(async (instance) => {
    // One that went while its files were measured is listed without sizes.
    const sizes = withSizes ? await sizesOf(engine, instance, exchange.signal).catch(() => null) : null;
    return { ...containerSummary(facts, instance, now, sizes), Image: imageOf(instance) };
  });
  exchange.send(await Promise.all(rows));
}

/** The image as the user wrote it; its id where that name means another image by now, or none. */
function listedImages(engine: EngineApi): (instance: Instance) => string {
  const ids = new Map<string, string>();
  const idOf = (reference: string): string => {
    const known = ids.get(reference) ?? currentId(engine, reference);
    ids.set(reference, known);
    return known;
  };
  return (instance) => {
    const { source } = instance.config;
    if (source.kind !== 'image') return sourceName(instance);
    return idOf(source.reference) === source.imageId ? sourceName(instance) : source.imageId;
  };
}

function currentId(engine: EngineApi, reference: string): string {
  try {
    return engine.images.get(reference).id;
  } catch (error) {
    if (isHullError(error)) return '';
    throw error;
  }
}

async function inspect(engine: EngineApi, exchange: Exchange): Promise<void> {
  const instance = engine.instances.get(exchange.param('id'));
  const sizes = exchange.query.flag('size') ? await sizesOf(engine, instance, exchange.signal) : null;
  exchange.send(
    containerInspect(networkFacts(engine), instance, engine.execs.idsOf(instance.config.id), sizes),
  );
}

function sizesOf(
  engine: EngineApi,
  instance: Instance,
  signal: AbortSignal,
): Promise<{ writable: number; root: number }> {
  return engine.instances.sizes(instance.config.id, signal);
}

async function create(engine: EngineApi, exchange: Exchange): Promise<void> {
  const body = await exchange.json(createBody);
  const ignored = checkUnsupported(body);
  const request = toCreateInstance(body, exchange.query.nonEmpty('name'));
  const platform = exchange.query.nonEmpty('platform');
  const { id, warnings } = await engine.instances.create(
    platform === undefined ? request : { ...request, platform },
  );
  const answer: ContainerCreateResponse = { Id: id, Warnings: [...ignored, ...warnings] };
  exchange.send(answer, 201);
}

async function resize(engine: EngineApi, exchange: Exchange): Promise<void> {
  await engine.instances.resize(exchange.param('id'), terminalSizeOf(exchange));
  exchange.empty(200);
}

/** `h` and `w` of a resize request. */
export function terminalSizeOf({ query }: Exchange): { rows: number; columns: number } {
  const size = { rows: query.integer('h') ?? 0, columns: query.integer('w') ?? 0 };
  if (size.rows < 0 || size.columns < 0 || size.rows > 65_535 || size.columns > 65_535) {
    throw new HullError('invalid-argument', 'query parameters "h" and "w": expected 0 to 65535');
  }
  return size;
}

async function top(engine: EngineApi, exchange: Exchange): Promise<void> {
  const psArgs = (exchange.query.nonEmpty('ps_args') ?? '-ef').trim().split(/\s+/);
  const table = await engine.instances.top(exchange.param('id'), psArgs).catch((error: unknown) => {
    // The client's words, which ps did not understand.
    if (isHullError(error, 'command-failed')) throw new HullError('invalid-argument', error.message);
    throw error;
  });
  const answer: ContainerTopResponse = { Titles: table.titles, Processes: table.rows };
  exchange.send(answer);
}
