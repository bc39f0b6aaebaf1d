import { HullError } from '../../model/errors.ts';
import type { Exchange } from '../exchange.ts';
import type { EngineApi } from '../../engine/api.ts';
import type { Handler, Method, Route } from '../router.ts';

/** What Docker says to everything that only a swarm's manager can do. */
export const NO_SWARM =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

const fail =
  (code: 'outside-swarm' | 'not-supported' | 'plugin-not-found', message: string): Handler =>
  () => {
    throw new HullError(code, message);
  };

const manager = fail('outside-swarm', NO_SWARM);
const joining = fail(
  'not-supported',
  'this engine does not take part in swarms: it runs instances on one host',
);

/** Requests for managers, as an engine outside a swarm answers them. */
const OF_A_SWARM: readonly (readonly [method: Method, path: string])[] = [
  ['GET', '/swarm'],
  ['GET', '/swarm/unlockkey'],
  ['POST', '/swarm/update'],
  ['POST', '/swarm/unlock'],
  ['GET', '/nodes'],
  ['GET', '/nodes/:id'],
  ['DELETE', '/nodes/:id'],
  ['POST', '/nodes/:id/update'],
  ['GET', '/services'],
  ['POST', '/services/create'],
  ['GET', '/services/:id'],
  ['DELETE', '/services/:id'],
  ['POST', '/services/:id/update'],
  ['GET', '/services/:id/logs'],
  ['GET', '/tasks'],
  ['GET', '/tasks/:id'],
  ['GET', '/tasks/:id/logs'],
  ...['secrets', 'configs'].flatMap((resource): (readonly [Method, string])[] => [
    ['GET', `/${resource}`],
    ['POST', `/${resource}/create`],
    ['GET', `/${resource}/:id`],
    ['DELETE', `/${resource}/:id`],
    ['POST', `/${resource}/:id/update`],
  ]),
];

const noPlugin: Handler = (_engine: EngineApi, exchange: Exchange) => {
  const name = exchange.param('name');
  throw new HullError('plugin-not-found', `plugin ${JSON.stringify(name)} not found`);
};
const noPlugins = fail('not-supported', 'this engine has no plugins: its drivers are built in');

/** Whole resources of Docker's that one host without plugins has nothing of. */
export const outsideSwarmRoutes: readonly Route[] = [
  ...OF_A_SWARM.map(([method, path]): Route => ({ method, path, handler: manager })),
  { method: 'POST', path: '/swarm/init', handler: joining },
  { method: 'POST', path: '/swarm/join', handler: joining },
  {
    method: 'POST',
    path: '/swarm/leave',
    handler: fail('outside-swarm', 'This node is not part of a swarm'),
  },
  { method: 'GET', path: '/plugins', handler: (_engine, exchange) => exchange.send([]) },
  { method: 'GET', path: '/plugins/privileges', handler: noPlugins },
  { method: 'POST', path: '/plugins/pull', handler: noPlugins },
  { method: 'POST', path: '/plugins/create', handler: noPlugins },
  { method: 'GET', path: '/plugins/*name/json', handler: noPlugin },
  { method: 'POST', path: '/plugins/*name/enable', handler: noPlugin },
  { method: 'POST', path: '/plugins/*name/disable', handler: noPlugin },
  { method: 'POST', path: '/plugins/*name/upgrade', handler: noPlugin },
  { method: 'POST', path: '/plugins/*name/push', handler: noPlugin },
  { method: 'POST', path: '/plugins/*name/set', handler: noPlugin },
  { method: 'DELETE', path: '/plugins/*name', handler: noPlugin },
];
