import * as v from 'valibot';
import { digestOf, isDigest } from '../../lib/digest.ts';
import { collect } from '../../lib/streams.ts';
import { HullError, messageOf } from '../../model/errors.ts';
import type { Descriptor } from '../../model/image.ts';
import { check, LARGEST_DOCUMENT, parseDocument } from '../documents.ts';
import { INDEX_TYPES, MANIFEST_TYPES } from '../media-types.ts';
import type { ImageSink, ImageSource, MountCandidate, RemoteDocument } from '../transfer/endpoints.ts';
import type { RegistrySession } from './session.ts';

const ACCEPT = [...MANIFEST_TYPES, ...INDEX_TYPES].join(', ');

/** Pages of a list of tags. */
const MOST_PAGES = 100;
const tagList = v.object({ tags: v.nullable(v.array(v.pipe(v.string(), v.regex(/^\w[\w.-]{0,127}$/)))) });

/** One repository of a registry, over the distribution API (distribution-spec v1). */
export class RegistryRepository implements ImageSource, ImageSink {
  readonly #session: RegistrySession;
  readonly #base: string;
  readonly #pull: string;
  readonly #push: string;

  /** `path` as in a reference: `library/debian`. */
  constructor(session: RegistrySession, path: string) {
    this.#session = session;
    this.#base = `/v2/${path}`;
    this.#pull = `repository:${path}:pull`;
    this.#push = `repository:${path}:pull,push`;
  }

  async document(reference: string): Promise<RemoteDocument> {
    const response = await this.#session.must(
      {
        method: 'GET',
        target: `${this.#base}/manifests/${reference}`,
        headers: { accept: ACCEPT },
        scope: this.#pull,
      },
      [200],
    );
    const data = await smallBody(response.body);
    const digest = digestOf(data);
    if (isDigest(reference) && reference !== digest)
      throw new HullError('blob-corrupt', `manifest verification failed for digest ${reference}`);
    return { mediaType: response.headers['content-type'] ?? '', digest, data };
  }

  /** Every tag, in the registry's order. */
  async tags(): Promise<readonly string[]> {
    const found: string[] = [];
    let target = `${this.#base}/tags/list`;
    for (let page = 0; page < MOST_PAGES; page++) {
      const response = await this.#session.must({ method: 'GET', target, scope: this.#pull }, [200]);
      const { tags } = check(
        'list of tags',
        tagList,
        parseDocument('list of tags', await smallBody(response.body)),
      );
      found.push(...(tags ?? []));
      const next = nextPage(response.headers['link'] ?? '');
      if (next === undefined) break;
      target = next;
    }
    return [...new Set(found)];
  }

  async blob({ digest }: Descriptor, offset: number): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#session.must(
      {
        method: 'GET',
        target: `${this.#base}/blobs/${digest}`,
        headers: { 'accept-encoding': 'identity', ...(offset === 0 ? {} : { range: `bytes=${offset}-` }) },
        scope: this.#pull,
      },
      offset === 0 ? [200] : [200, 206],
    );
    return response.status === 206 || offset === 0 ? response.body : skip(response.body, offset);
  }

  async has({ digest }: Descriptor): Promise<boolean> {
    const target = `${this.#base}/blobs/${digest}`;
    const response = await this.#session.must({ method: 'HEAD', target, scope: this.#push }, [200, 404]);
    response.discard();
    return response.status === 200;
  }

  async mount({ digest }: Descriptor, { repository }: MountCandidate): Promise<boolean> {
    const query = new URLSearchParams({ mount: digest, from: repository });
    const target = `${this.#base}/blobs/uploads/?${query.toString()}`;
    const scope = `${this.#push} repository:${repository}:pull`;
    const response = await this.#session.send({ method: 'POST', target, scope });
    response.discard();
    return response.status === 201;
  }

  async upload({ digest, size }: Descriptor, open: () => AsyncIterable<Uint8Array>): Promise<void> {
    const begun = await this.#session.must(
      { method: 'POST', target: `${this.#base}/blobs/uploads/`, scope: this.#push },
      [202],
    );
    begun.discard();
    const origin = await this.#session.origin();
    const place = locationOf(begun.headers['location'], origin);
    const sent = await this.#session.must(
      {
        method: 'PATCH',
        target: place.href,
        headers: { 'content-type': 'application/octet-stream' },
        body: () => ({ stream: open(), size }),
        scope: this.#push,
      },
      [202, 204],
    );
    sent.discard();
    const finish = locationOf(sent.headers['location'] ?? place.href, origin);
    finish.searchParams.set('digest', digest);
    const done = await this.#session.must(
      { method: 'PUT', target: finish.href, scope: this.#push },
      [201, 204],
    );
    done.discard();
  }

  async publish(reference: string, mediaType: string, data: Uint8Array): Promise<void> {
    const response = await this.#session.must(
      {
        method: 'PUT',
        target: `${this.#base}/manifests/${reference}`,
        headers: { 'content-type': mediaType },
        body: () => data,
        scope: this.#push,
      },
      [200, 201, 202],
    );
    response.discard();
  }
}

function locationOf(location: string | undefined, origin: string): URL {
  if (location === undefined || !URL.canParse(location, origin))
    throw new HullError('registry-failed', 'the registry does not say where the upload goes');
  return new URL(location, origin);
}

async function smallBody(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  try {
    return await collect(body, LARGEST_DOCUMENT);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new HullError('registry-failed', `the registry's manifest is too large: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** For servers that begin at the start whatever was asked for. */
async function* skip(stream: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of stream) {
    if (chunk.length > left) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

/** The target of a header `Link: <target>; rel="next"` (RFC 8288), which may hold several links. */
function nextPage(header: string): string | undefined {
  return header.split('<').flatMap((link) => {
    const [target = '', parameters = ''] = link.split('>', 2);
    return target !== '' && /^[ \t]{0,8};[ \t]{0,8}rel="?next"?/.test(parameters) ? [target] : [];
  })[0];
}
