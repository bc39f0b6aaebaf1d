import type { BuildPruneResponse } from '../../../api/docker.ts';
import type { BuildRequest, EngineApi, RegistryCredentials } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import { parseReference } from '../../model/reference.ts';
import type { Exchange } from '../exchange.ts';
import { registryConfig } from '../registry-auth.ts';
import type { Route } from '../router.ts';
import { buildContext } from './build-context.ts';
import { BuildOutput, isFailedStep } from './build-output.ts';
import { readCacheRule } from './build-prune.ts';
import { readBuildRequest } from './build-request.ts';

export const buildRoutes: readonly Route[] = [
  { method: 'POST', path: '/build', handler: build },
  { method: 'POST', path: '/build/prune', handler: prune },
  { method: 'POST', path: '/build/cancel', handler: cancel },
];

async function prune(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { layers, bytes } = await engine.images.pruneBuildCache(readCacheRule(exchange.query));
  const answer: BuildPruneResponse = { CachesDeleted: layers, SpaceReclaimed: bytes };
  exchange.send(answer);
}

/** Builds of the classic protocol have no id to be ended by: whoever asked for one ends it by closing the connection. */
function cancel(_engine: EngineApi, exchange: Exchange): void {
  if (exchange.query.nonEmpty('id') === undefined)
    throw new HullError('invalid-argument', 'build ID not provided');
  exchange.empty(200);
}

async function build(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { query, signal } = exchange;
  const wanted = readBuildRequest(query);
  const registries = registryConfig(exchange.headers['x-registry-config']);
  const out = new BuildOutput(exchange, { quiet: query.flag('q'), tellsRemoval: query.flag('rm', true) });
  try {
    const request: BuildRequest = {
      ...wanted,
      context: await buildContext(engine, exchange),
      fetchImage: (reference) =>
        engine.transfers.pull(reference, {
          credentials: credentialsFor(registries, reference),
          onProgress: (progress) => out.progress(progress),
          signal,
        }),
    };
    const image = await engine.images.build(request, (event) => out.event(event), signal);
    await out.done(image.id, request.tags);
  } catch (error) {
    // Before the first line the request can still fail as HTTP does, with a status.
    if (!exchange.started && !isFailedStep(error)) throw error;
    await out.failed(error);
  }
}

/** By the registry's host; Docker's own has another key. */
function credentialsFor(
  registries: ReadonlyMap<string, RegistryCredentials>,
  reference: string,
): RegistryCredentials {
  const { domain } = parseReference(reference);
  const keys = domain === 'docker.io' ? ['https://index.docker.io/v1/', 'index.docker.io', domain] : [domain];
  for (const key of [...keys, ...keys.map((one) => `https://${one}`)]) {
    const found = registries.get(key);
    if (found !== undefined) return found;
  }
  return {};
}
