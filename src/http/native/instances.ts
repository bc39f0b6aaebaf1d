import type { Footprint } from '../../../api/native.ts';
import type { EngineApi } from '../../engine/api.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../router.ts';

export const instanceRoutes: readonly Route[] = [
  { method: 'GET', path: '/instances/:id/footprint', handler: footprint },
];

async function footprint(engine: EngineApi, exchange: Exchange): Promise<void> {
  const answer: Footprint = await engine.instances.footprint(exchange.param('id'));
  exchange.send(answer);
}
