import * as v from 'valibot';
import type { CheckResponse, HullInfo } from '../../../api/native.ts';
import type { EngineApi } from '../../engine/api.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../router.ts';

export const systemRoutes: readonly Route[] = [
  { method: 'GET', path: '/info', handler: info },
  { method: 'GET', path: '/check', handler: check },
  { method: 'POST', path: '/shutdown', handler: shutdown },
];

const shutdownBody = v.object({ instances: v.nullish(v.picklist(['keep', 'stop']), 'keep') });

async function info(engine: EngineApi, exchange: Exchange): Promise<void> {
  const answer: HullInfo = await engine.system.info();
  exchange.send(answer);
}

async function check(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { query } = exchange;
  const findings = await engine.system.check({
    repair: query.flag('repair'),
    deep: query.flag('deep'),
    discard: query.flag('discard'),
  });
  const answer: CheckResponse = { findings };
  exchange.send(answer);
}

/** Answers when it is safe to exit; whoever runs the daemon then ends it. */
async function shutdown(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { instances } = await exchange.json(shutdownBody);
  await engine.system.shutdown({ instances });
  exchange.empty();
}
