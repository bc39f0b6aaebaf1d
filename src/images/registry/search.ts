import * as v from 'valibot';
import { collect } from '../../lib/streams.ts';
import { HullError } from '../../model/errors.ts';
import { check, parseDocument } from '../documents.ts';
import { refusal } from './answers.ts';
import type { RegistrySession } from './session.ts';
import type { HttpTransport } from './transport.ts';

export interface SearchResult {
  readonly name: string;
  readonly description: string;
  readonly stars: number;
  readonly official: boolean;
}

const HUB = 'https://index.docker.io/v1/search';
const LARGEST_ANSWER = 4 * 1024 * 1024;
const SEARCH_TIMEOUT = 15_000;
/** Pages of a registry's list that are read at most. */
const PAGE = 1000;

const hubAnswer = v.object({
  results: v.array(
    v.object({
      name: v.string(),
      description: v.nullish(v.string(), ''),
      star_count: v.optional(v.number(), 0),
      is_official: v.optional(v.boolean(), false),
    }),
  ),
});
const catalogue = v.object({ repositories: v.nullable(v.array(v.string())) });

/** Docker's own index. Rejects `registry-unreachable` in the words of Docker's daemon where it cannot be reached. */
export async function searchHub(
  transport: HttpTransport,
  term: string,
  limit: number,
  signal?: AbortSignal,
): Promise<readonly SearchResult[]> {
  const url = new URL(HUB);
  url.searchParams.set('q', term.replace(/^library\//, ''));
  url.searchParams.set('n', String(limit));
  const timeout = AbortSignal.timeout(SEARCH_TIMEOUT);
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  const response = await transport(
    { method: 'GET', url, headers: { 'x-docker-token': 'true' }, signal: either },
    {},
  );
  if (response.status !== 200) throw await refusal(response, `Unexpected status code ${response.status}`);
  const { results } = check(
    'search answer',
    hubAnswer,
    parseDocument('search answer', await small(response.body)),
  );
  return results.slice(0, limit).map(({ name, description, star_count: stars, is_official: official }) => ({
    name,
    description: description ?? '',
    stars,
    official,
  }));
}

/** A registry's own list of repositories, where it gives one. */
export async function searchRegistry(
  session: RegistrySession,
  domain: string,
  term: string,
  limit: number,
): Promise<readonly SearchResult[]> {
  const request = { method: 'GET', target: `/v2/_catalog?n=${PAGE}`, scope: 'registry:catalog:*' } as const;
  const response = await session.must(request, [200], `cannot search ${domain}`);
  const { repositories } = check('list', catalogue, parseDocument('list', await small(response.body)));
  return (repositories ?? [])
    .filter((name) => name.includes(term))
    .slice(0, limit)
    .map((name) => ({ name: `${domain}/${name}`, description: '', stars: 0, official: false }));
}

async function small(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  try {
    return await collect(stream, LARGEST_ANSWER);
  } catch (error) {
    if (error instanceof RangeError)
      throw new HullError('registry-failed', `the answer is larger than ${LARGEST_ANSWER} bytes`, {
        cause: error,
      });
    throw error;
  }
}
