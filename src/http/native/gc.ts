import * as v from 'valibot';
import type { GcAnswer, GcScheduleAnswer } from '../../../api/native.ts';
import type { EngineApi } from '../../engine/api.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../router.ts';

export const gcRoutes: readonly Route[] = [
  { method: 'POST', path: '/gc', handler: collect },
  { method: 'GET', path: '/gc/schedule', handler: scheduled },
  { method: 'PUT', path: '/gc/schedule', handler: schedule },
  { method: 'DELETE', path: '/gc/schedule', handler: unschedule },
];

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const policy = v.object({
  kinds: v.array(v.picklist(['container', 'image', 'volume', 'build-cache'])),
  olderThan: whole,
  keep: whole,
  maxBytes: v.nullable(whole),
});

async function collect(engine: EngineApi, exchange: Exchange): Promise<void> {
  const body = await exchange.json(v.object({ policy, dryRun: v.nullish(v.boolean(), false) }));
  const answer: GcAnswer = await engine.gc.collect(body.policy, { dryRun: body.dryRun });
  exchange.send(answer);
}

function scheduled(engine: EngineApi, exchange: Exchange): void {
  const answer: GcScheduleAnswer = { schedule: engine.gc.scheduled() };
  exchange.send(answer);
}

async function schedule(engine: EngineApi, exchange: Exchange): Promise<void> {
  await engine.gc.schedule(await exchange.json(v.object({ policy, every: whole })));
  exchange.empty();
}

async function unschedule(engine: EngineApi, exchange: Exchange): Promise<void> {
  await engine.gc.schedule(null);
  exchange.empty();
}
