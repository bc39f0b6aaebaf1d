import type { EngineApi } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import type { Exchange } from '../exchange.ts';
import { Filters } from '../filters.ts';
import { splitTag } from '../familiar-name.ts';
import { readLimited } from '../json-body.ts';
import { credentialsOf, registryAuth } from '../registry-auth.ts';
import type { Route } from '../router.ts';
import { TransferStream } from './transfer-stream.ts';
import { parseBoundedJson } from '../../lib/bounded-json.ts';

export const imageTransferRoutes: readonly Route[] = [
  { method: 'POST', path: '/images/create', handler: create },
  { method: 'GET', path: '/images/search', handler: search },
  { method: 'POST', path: '/images/*name/push', handler: push },
  { method: 'POST', path: '/auth', handler: login },
  { method: 'GET', path: '/distribution/*name/json', handler: describe },
];

const DEFAULT_RESULTS = 25;
const MOST_RESULTS = 100;
const LARGEST_CREDENTIALS = 1024 * 1024;

async function create(engine: EngineApi, exchange: Exchange): Promise<void> {
  if (exchange.query.nonEmpty('fromImage') !== undefined) await pull(engine, exchange);
  else await importImage(engine, exchange);
}

async function pull(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { query, signal } = exchange;
  const [name, tag] = pulledName(query.nonEmpty('fromImage') ?? '', query.nonEmpty('tag'));
  const credentials = registryAuth(exchange.headers['x-registry-auth']);
  const platform = query.nonEmpty('platform');
  const stream = new TransferStream(exchange);
  const options = {
    credentials,
    onProgress: (progress: Parameters<TransferStream['progress']>[0]) => stream.progress(progress),
    signal,
    ...(platform === undefined ? {} : { platform }),
  };
  await stream.around(async () => {
    if (tag === null) await engine.transfers.pullAll(name, options);
    else await engine.transfers.pull(`${name}${tag}`, options);
  });
}

/** The repository, and `:tag` or `@digest`; null: every tag. A digest in the name says all; else the parameter is stronger. */
function pulledName(from: string, tag: string | undefined): readonly [name: string, tag: string | null] {
  const at = from.indexOf('@');
  if (at >= 0) return [from.slice(0, at), from.slice(at)];
  const [name, own] = splitTag(from);
  if (tag !== undefined) return [name, tag.includes(':') ? `@${tag}` : `:${tag}`];
  return [name, own === '' ? null : `:${own}`];
}

async function importImage(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { query, signal } = exchange;
  const source = query.nonEmpty('fromSrc');
  if (source === undefined)
    throw new HullError(
      'invalid-argument',
      'either "fromImage" or "fromSrc" must say where the image comes from',
    );
  const repository = query.nonEmpty('repo');
  const tag = query.nonEmpty('tag');
  const platform = query.nonEmpty('platform');
  const stream = new TransferStream(exchange);
  await stream.around(async () => {
    const archive = source === '-' ? exchange.body() : await engine.archives.fetch(source, signal);
    if (source !== '-') stream.progress({ status: `Downloading from ${source}` });
    const image = await engine.archives.import(archive, {
      ...(repository === undefined
        ? {}
        : { reference: tag === undefined ? repository : `${repository}:${tag}` }),
      changes: query.all('changes'),
      message: query.nonEmpty('message') ?? `Imported from ${source}`,
      ...(platform === undefined ? {} : { platform }),
    });
    stream.write({ status: image.id });
  });
}

async function push(engine: EngineApi, exchange: Exchange): Promise<void> {
  const [name] = splitTag(exchange.param('name'));
  const credentials = await pushCredentials(exchange);
  const stream = new TransferStream(exchange);
  await stream.around(() =>
    engine.transfers.push(name, exchange.query.nonEmpty('tag') ?? null, {
      credentials,
      onProgress: (progress) => stream.progress(progress),
      onPushed: ({ tag, digest, size }) =>
        stream.write({ progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: size } }),
      signal: exchange.signal,
    }),
  );
}

/** In the header; the oldest clients send them as the body. */
async function pushCredentials(exchange: Exchange): Promise<ReturnType<typeof registryAuth>> {
  const header = exchange.headers['x-registry-auth'];
  const body = await readLimited(exchange.body(), LARGEST_CREDENTIALS);
  if (header !== undefined || body.trim() === '') return registryAuth(header);
  return credentialsOf('the body', parseBody(body));
}

async function login(engine: EngineApi, exchange: Exchange): Promise<void> {
  const credentials = credentialsOf(
    'the body',
    parseBody(await readLimited(exchange.body(), LARGEST_CREDENTIALS)),
  );
  await engine.transfers.login(credentials, exchange.signal);
  exchange.send({ Status: 'Login Succeeded', IdentityToken: '' });
}

async function describe(engine: EngineApi, exchange: Exchange): Promise<void> {
  const credentials = registryAuth(exchange.headers['x-registry-auth']);
  const { descriptor, platforms } = await engine.transfers.describe(
    exchange.param('name'),
    credentials,
    exchange.signal,
  );
  exchange.send({
    Descriptor: { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size },
    Platforms: platforms,
  });
}

async function search(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { query } = exchange;
  const term = query.nonEmpty('term');
  if (term === undefined) throw new HullError('invalid-argument', 'query parameter "term" is missing');
  const limit = query.integer('limit') ?? DEFAULT_RESULTS;
  if (limit < 0 || limit > MOST_RESULTS)
    throw new HullError('invalid-argument', `limit ${limit} is outside the range of [1, ${MOST_RESULTS}]`);
  const filters = Filters.read(query, ['is-automated', 'is-official', 'stars']);
  const official = filters.flag('is-official');
  const stars = Math.max(0, ...filters.get('stars').map(starCount));
  // Nothing is built automatically any more: the filter is kept for those who ask for it.
  const automated = filters.flag('is-automated') === true;
  const credentials = registryAuth(exchange.headers['x-registry-auth']);
  const found = await engine.transfers.search(
    term,
    limit === 0 ? DEFAULT_RESULTS : limit,
    credentials,
    exchange.signal,
  );
  exchange.send(
    found
      .filter(
        (one) => !automated && one.stars >= stars && (official === undefined || one.official === official),
      )
      .map((one) => ({
        star_count: one.stars,
        is_official: one.official,
        name: one.name,
        is_automated: false,
        description: one.description,
      })),
  );
}

function starCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new HullError('invalid-argument', `invalid filter 'stars=${text}'`);
}

function parseBody(text: string): unknown {
  try {
    return text.trim() === '' ? {} : parseBoundedJson(text);
  } catch (error) {
    throw new HullError('invalid-argument', "the request's body is not valid JSON", { cause: error });
  }
}
