import type { BuildMessage, BuildPruneResponse } from '../../../api/docker.ts';
import type { BuildEvent, BuildRequest, EngineApi } from '../../engine/api.ts';
import { HullError, toHullError } from '../../model/errors.ts';
import type { Exchange, JsonSink } from '../exchange.ts';
import type { Query } from '../query.ts';
import type { Route } from '../router.ts';
import { familiarName } from '../familiar-name.ts';
import { checkPlatform } from './platform.ts';

export const buildRoutes: readonly Route[] = [
  { method: 'POST', path: '/build', handler: build },
  { method: 'POST', path: '/build/prune', handler: prune },
];

async function prune(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { query } = exchange;
  // What would keep more than is asked for here: deleting it all the same is not what was meant.
  for (const name of ['keep-storage', 'filters']) {
    if (!['', '0', '{}'].includes(query.nonEmpty(name) ?? ''))
      throw new HullError('not-supported', `build/prune: "${name}" is not supported; leave it out`);
  }
  const { layers, bytes } = await engine.images.pruneBuildCache({ all: query.flag('all') });
  const answer: BuildPruneResponse = { CachesDeleted: layers, SpaceReclaimed: bytes };
  exchange.send(answer);
}

async function build(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { query } = exchange;
  const request = readBuildRequest(query, exchange.body());
  const out = new BuildOutput(exchange, query.flag('q'));
  try {
    const image = await engine.images.build(request, (event) => out.event(event), exchange.signal);
    await out.done(image.id, request.tags);
  } catch (error) {
    // Before the first line the request can still fail as HTTP does, with a status.
    if (!exchange.started) throw error;
    await out.failed(error);
  }
}

/** Throws `invalid-argument`, and `not-supported` for what would give another image if ignored. */
function readBuildRequest(query: Query, context: AsyncIterable<Uint8Array>): BuildRequest {
  refuseUnsupported(query);
  const blueprint = query.nonEmpty('dockerfile');
  const target = query.nonEmpty('target');
  const memory = query.integer('memory');
  return {
    context,
    ...(blueprint === undefined ? {} : { blueprint }),
    tags: query.all('t').filter((tag) => tag !== ''),
    ...(target === undefined ? {} : { target }),
    args: query.strings('buildargs'),
    labels: query.strings('labels'),
    noCache: query.flag('nocache'),
    ...(memory === undefined || memory <= 0 ? {} : { memory }),
  };
}

function refuseUnsupported(query: Query): void {
  checkPlatform(query.text('platform'));
  for (const name of ['remote', 'extrahosts', 'squash', 'outputs', 'securityopt', 'ulimits']) {
    const value = query.nonEmpty(name) ?? '';
    if (!['', '0', 'false', 'null', '[]', '{}'].includes(value)) {
      throw new HullError('not-supported', `build: "${name}" is not supported; leave it out`);
    }
  }
  const network = query.nonEmpty('networkmode') ?? 'default';
  if (network !== 'default' && network !== 'bridge') {
    throw new HullError('not-supported', `build: network mode "${network}" is not supported; leave it out`);
  }
  if (query.text('version') === '2') {
    throw new HullError('not-supported', 'build: BuildKit is not supported; set DOCKER_BUILDKIT=0');
  }
}

/** Tells a build's events in the words of Docker's classic builder. The stream opens with the first of them. */
class BuildOutput {
  readonly #exchange: Exchange;
  readonly #quiet: boolean;
  #sink: JsonSink | null = null;

  constructor(exchange: Exchange, quiet: boolean) {
    this.#exchange = exchange;
    this.#quiet = quiet;
  }

  event(event: BuildEvent): void {
    const text = this.#quiet ? '' : eventText(event);
    if (text !== '') void this.#write({ stream: text });
  }

  async done(id: string, tags: readonly string[]): Promise<void> {
    await this.#write({ aux: { ID: id } });
    if (this.#quiet) await this.#write({ stream: `${id}\n` });
    else await this.#write({ stream: `Successfully built ${shortId(id)}\n` });
    for (const tag of this.#quiet ? [] : tags) {
      await this.#write({ stream: `Successfully tagged ${withTag(familiarName(tag))}\n` });
    }
    this.#sink?.end();
  }

  async failed(thrown: unknown): Promise<void> {
    const error = toHullError(thrown);
    const { exitCode } = error.details;
    const code = typeof exitCode === 'number' ? { code: exitCode } : {};
    await this.#write({ errorDetail: { ...code, message: error.message }, error: error.message });
    this.#sink?.end();
  }

  #write(message: BuildMessage): Promise<void> {
    this.#sink ??= this.#exchange.openJson();
    return this.#sink.write(message);
  }
}

function eventText(event: BuildEvent): string {
  switch (event.type) {
    case 'step':
      return `Step ${event.number}/${event.total} : ${event.text}\n`;
    case 'cached':
      return ' ---> Using cache\n';
    case 'output':
      return event.text;
    case 'layer':
      return event.digest === null ? '' : ` ---> ${shortId(event.digest)}\n`;
    case 'warning':
      return `[Warning] ${event.text}\n`;
    case 'image':
      return '';
  }
}

function shortId(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}

function withTag(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1).includes(':') ? name : `${name}:latest`;
}
