import type { EngineApi } from '../../engine/api.ts';
import type { Exchange } from '../exchange.ts';
import { Filters } from '../filters.ts';
import type { Route } from '../router.ts';
import { toRestartPolicy } from './create-options.ts';
import { resourceWarnings, toResources } from './create-resources.ts';
import { type UpdateBody, updateBody } from './host-config-schema.ts';
import { labelsMatch, PRUNE_FILTERS, untilTime } from './prune-filters.ts';

/** What changes a container without changing its state, and the removal of those that nobody uses. */
export const containerChangeRoutes: readonly Route[] = [
  { method: 'POST', path: '/containers/:id/rename', handler: rename },
  { method: 'POST', path: '/containers/:id/update', handler: update },
  { method: 'POST', path: '/containers/prune', handler: prune },
];

async function rename(engine: EngineApi, exchange: Exchange): Promise<void> {
  await engine.changes.rename(exchange.param('id'), exchange.query.text('name') ?? '');
  exchange.empty();
}

async function update(engine: EngineApi, exchange: Exchange): Promise<void> {
  const body = await exchange.json(updateBody);
  const warnings = await engine.changes.update(exchange.param('id'), toLimitChange(body));
  exchange.send({ Warnings: [...resourceWarnings(body), ...warnings] });
}

/** A limit of processes that is not positive takes it away, where absent leaves it. */
export function toLimitChange(body: UpdateBody): Parameters<EngineApi['changes']['update']>[1] {
  const restartPolicy = toRestartPolicy(body.RestartPolicy);
  const unlimited = typeof body.PidsLimit === 'number' && body.PidsLimit <= 0 ? { pidsLimit: -1 } : {};
  return {
    resources: { ...toResources(body), ...unlimited },
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
  };
}

async function prune(engine: EngineApi, exchange: Exchange): Promise<void> {
  const filters = Filters.read(exchange.query, PRUNE_FILTERS);
  const until = untilTime(filters);
  const { ids, bytes } = await engine.changes.prune(
    ({ config }) => config.createdAt < until && labelsMatch(filters, config.labels),
  );
  exchange.send({ ContainersDeleted: ids.length === 0 ? null : ids, SpaceReclaimed: bytes });
}
