import * as v from 'valibot';
import type { EngineApi } from '../../engine/api.ts';
import { familiarName } from '../familiar-name.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../router.ts';
import { streamProgress } from './progress-stream.ts';

export const imageRoutes: readonly Route[] = [{ method: 'POST', path: '/bootstrap', handler: bootstrap }];

const bootstrapBody = v.object({ reference: v.string(), packages: v.nullish(v.array(v.string()), []) });

async function bootstrap(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { reference, packages } = await exchange.json(bootstrapBody);
  await streamProgress(exchange, async (onProgress, signal) => {
    const image = await engine.images.bootstrap(reference, { packages }, onProgress, signal);
    const usage = await engine.images.usage();
    return {
      image: {
        Id: image.id,
        RepoTags: image.references.map(familiarName),
        Size: usage.get(image.id)?.total ?? 0,
      },
    };
  });
}
