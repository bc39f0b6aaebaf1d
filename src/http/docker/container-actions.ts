import type { EngineApi, StartStep } from '../../engine/api.ts';
import { HullError, isHullError } from '../../model/errors.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../router.ts';

/** What changes a container's state. */
export const containerActionRoutes: readonly Route[] = [
  { method: 'POST', path: '/containers/:id/start', handler: start },
  { method: 'POST', path: '/containers/:id/stop', handler: stop },
  { method: 'POST', path: '/containers/:id/restart', handler: restart },
  { method: 'POST', path: '/containers/:id/kill', handler: kill },
  { method: 'POST', path: '/containers/:id/pause', handler: pause },
  { method: 'POST', path: '/containers/:id/unpause', handler: unpause },
  { method: 'DELETE', path: '/containers/:id', handler: remove },
];

async function start(engine: EngineApi, exchange: Exchange): Promise<void> {
  let timing = '';
  const started = await engine.instances.start(exchange.param('id'), ({ ahead, own }) => {
    timing = [
      ...ahead.map((step) => serverTiming('ahead-', step)),
      ...own.map((step) => serverTiming('', step)),
    ].join(', ');
  });
  exchange.empty(started ? 204 : 304, timing === '' ? {} : { 'Server-Timing': timing });
}

/** One metric of the header Server-Timing (W3C): a token, and milliseconds. */
const serverTiming = (prefix: string, { step, at }: StartStep): string =>
  `${prefix}${step.replaceAll(' ', '-')};dur=${at.toFixed(1)}`;

async function stop(engine: EngineApi, exchange: Exchange): Promise<void> {
  const stopped = await engine.instances.stop(exchange.param('id'), stopOptions(exchange));
  exchange.empty(stopped ? 204 : 304);
}

async function restart(engine: EngineApi, exchange: Exchange): Promise<void> {
  await engine.instances.restart(exchange.param('id'), stopOptions(exchange));
  exchange.empty();
}

function stopOptions({ query }: Exchange): { timeout?: number; signal?: string } {
  const timeout = query.integer('t');
  const signal = query.nonEmpty('signal');
  return { ...(timeout === undefined ? {} : { timeout }), ...(signal === undefined ? {} : { signal }) };
}

async function kill(engine: EngineApi, exchange: Exchange): Promise<void> {
  const name = exchange.param('id');
  try {
    await engine.instances.kill(name, exchange.query.nonEmpty('signal'));
  } catch (error) {
    if (!isHullError(error)) throw error;
    throw new HullError(error.code, `cannot kill container: ${name}: ${error.message}`, { cause: error });
  }
  exchange.empty();
}

async function pause(engine: EngineApi, exchange: Exchange): Promise<void> {
  await engine.instances.pause(exchange.param('id'));
  exchange.empty();
}

async function unpause(engine: EngineApi, exchange: Exchange): Promise<void> {
  await engine.instances.unpause(exchange.param('id'));
  exchange.empty();
}

async function remove(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { query } = exchange;
  if (query.flag('link')) throw new HullError('not-supported', 'links between containers are not supported');
  await engine.instances.remove(exchange.param('id'), {
    force: query.flag('force'),
    volumes: query.flag('v'),
  });
  exchange.empty();
}
