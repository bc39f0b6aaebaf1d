import * as v from 'valibot';
import type { EngineApi } from '../../engine/api.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../router.ts';
import { streamProgress } from './progress-stream.ts';

export const comparisonRoutes: readonly Route[] = [{ method: 'POST', path: '/compare', handler: compare }];

const compareBody = v.object({
  image: v.string(),
  machine: v.optional(v.string()),
  probe: v.string(),
  runs: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
  isolations: v.optional(v.array(v.string())),
});

async function compare(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { image, machine, probe, runs, isolations } = await exchange.json(compareBody);
  const request = {
    ...{ image, probe },
    ...(machine === undefined ? {} : { machine }),
    ...(runs === undefined ? {} : { runs }),
    ...(isolations === undefined ? {} : { isolations }),
  };
  await streamProgress(exchange, async (onProgress, signal) => ({
    report: await engine.comparison.compare(request, onProgress, signal),
  }));
}
