import { collect } from '../../lib/streams.ts';
import { HullError, messageOf } from '../../model/errors.ts';
import type { Digest, Image } from '../../model/image.ts';
import { familiarReference, type Reference, parseReference } from '../../model/reference.ts';
import type { RegistryCredentials } from '../../model/registry-credentials.ts';
import type { TransferSink } from '../../model/transfer.ts';
import type { ContentStore } from '../../storage/content.ts';
import { parseConfig, parseManifest, LARGEST_DOCUMENT } from '../documents.ts';
import { hostPlatform, type Platform } from '../platform.ts';
import type { MountCandidate } from '../transfer/endpoints.ts';
import type { FetchRequest, Fetched, ImageFetcher } from '../transfer/image-fetcher.ts';
import { sendImage, type Sent } from '../transfer/image-sender.ts';
import { RegistryRepository } from './repository.ts';
import { RegistrySession } from './session.ts';
import type { HttpTransport } from './transport.ts';
import { searchHub, searchRegistry, type SearchResult } from './search.ts';

export interface RegistriesParts {
  readonly transport: HttpTransport;
  readonly content: ContentStore;
  readonly fetcher: ImageFetcher;
}

export interface PullRequest extends Omit<FetchRequest, 'reference' | 'names' | 'platform'> {
  readonly reference: Reference;
  readonly credentials: RegistryCredentials;
  readonly platform?: Platform | undefined;
}

export interface PushRequest {
  readonly reference: Reference & { readonly tag: string };
  readonly credentials: RegistryCredentials;
  readonly mounts: readonly MountCandidate[];
  readonly onProgress: TransferSink;
  readonly signal?: AbortSignal | undefined;
}

/** What a reference leads to in its registry (Docker's `distribution inspect`). */
export interface RemoteDescription {
  readonly descriptor: { readonly mediaType: string; readonly digest: Digest; readonly size: number };
  readonly platforms: readonly Platform[];
}

/** Pull, push and the rest against registries. References name a tag or a digest. */
export class Registries {
  readonly #parts: RegistriesParts;

  constructor(parts: RegistriesParts) {
    this.#parts = parts;
  }

  /** Rejects in the words of Docker's daemon: `image-not-found` for what the registry has not, or does not show to whoever asks. */
  async pull(request: PullRequest): Promise<Fetched> {
    const { reference, credentials, platform = hostPlatform(), ...rest } = request;
    const repository = this.#repository(reference, credentials, request.signal);
    const bare = { domain: reference.domain, path: reference.path };
    try {
      return await this.#parts.fetcher.fetch(repository, {
        ...rest,
        platform,
        reference: reference.digest ?? reference.tag ?? 'latest',
        names: (digest) => [
          `${bare.domain}/${bare.path}@${digest}`,
          ...(reference.digest === null ? [`${bare.domain}/${bare.path}:${reference.tag ?? 'latest'}`] : []),
        ],
      });
    } catch (error) {
      throw pullError(error, reference);
    }
  }

  /** Every tag of a repository. */
  async tags(
    reference: Reference,
    credentials: RegistryCredentials,
    signal?: AbortSignal,
  ): Promise<readonly string[]> {
    try {
      return await this.#repository(reference, credentials, signal).tags();
    } catch (error) {
      throw pullError(error, reference);
    }
  }

  async push(image: Image, { reference, credentials, ...request }: PushRequest): Promise<Sent> {
    const repository = this.#repository(reference, credentials, request.signal);
    return await sendImage(this.#parts.content, repository, image, { ...request, tag: reference.tag });
  }

  async describe(
    reference: Reference,
    credentials: RegistryCredentials,
    signal?: AbortSignal,
  ): Promise<RemoteDescription> {
    const repository = this.#repository(reference, credentials, signal);
    const top = await repository.document(reference.digest ?? reference.tag ?? 'latest');
    const parsed = parseManifest(top.data, top.mediaType);
    if (parsed.kind === 'index') {
      const { mediaType } = top;
      return {
        descriptor: { mediaType, digest: top.digest, size: top.data.length },
        platforms: parsed.manifests.map(({ platform }) => platform),
      };
    }
    const data = await collect(await repository.blob(parsed.manifest.config, 0), LARGEST_DOCUMENT);
    const { os, architecture, variant } = parseConfig(data);
    return {
      descriptor: { mediaType: parsed.manifest.mediaType, digest: top.digest, size: top.data.length },
      platforms: [{ os, architecture, ...(variant === undefined ? {} : { variant }) }],
    };
  }

  /** Rejects `registry-unauthorized` unless the registry takes the credentials. */
  async login(domain: string, credentials: RegistryCredentials, signal?: AbortSignal): Promise<void> {
    const session = new RegistrySession(domain, credentials, { transport: this.#parts.transport, signal });
    const target = '/v2/';
    const response = await session.send({ method: 'GET', target, scope: '' });
    response.discard();
    if (response.status === 200) return;
    const where = `${await session.origin()}${target}`;
    throw new HullError(
      response.status === 401 || response.status === 403 ? 'registry-unauthorized' : 'registry-failed',
      `login attempt to ${where} failed with status: ${response.status} ${response.status === 401 ? 'Unauthorized' : ''}`.trimEnd(),
    );
  }

  /** `term` may begin with a registry (`localhost:5000/web`), whose list of repositories is searched then; else Docker's own hub is asked. */
  async search(
    term: string,
    limit: number,
    credentials: RegistryCredentials,
    signal?: AbortSignal,
  ): Promise<readonly SearchResult[]> {
    const { transport } = this.#parts;
    const slash = term.indexOf('/');
    const domain = term.slice(0, Math.max(0, slash));
    if (domain !== 'localhost' && !/^.[^.:]*[.:]/s.test(domain))
      return await searchHub(transport, term, limit, signal);
    const rest = term.slice(slash + 1);
    // What names no registry is refused here.
    parseReference(`${domain}/x`);
    return await searchRegistry(
      new RegistrySession(domain, credentials, { transport, signal }),
      domain,
      rest,
      limit,
    );
  }

  #repository(
    { domain, path }: Reference,
    credentials: RegistryCredentials,
    signal: AbortSignal | undefined,
  ): RegistryRepository {
    const session = new RegistrySession(domain, credentials, { transport: this.#parts.transport, signal });
    return new RegistryRepository(session, path);
  }
}

/** What Docker's daemon says of the same refusals: its clients look at these words. */
function pullError(error: unknown, reference: Reference): unknown {
  if (!(error instanceof HullError)) return error;
  const { registryCode } = error.details;
  const code = typeof registryCode === 'string' ? registryCode : '';
  const { domain, path } = reference;
  const name = familiarReference(`${domain}/${path}`);
  const unknown =
    code === 'MANIFEST_UNKNOWN' ||
    (error.code === 'image-not-found' && code === '' && 'status' in error.details);
  if (unknown) {
    const shown =
      reference.digest === null ? `${name}:${reference.tag ?? 'latest'}` : `${name}@${reference.digest}`;
    return new HullError(
      'image-not-found',
      `manifest for ${shown} not found: manifest unknown: ${wordsOf(error)}`,
      {
        cause: error,
      },
    );
  }
  // With a status of its own, Docker's command line would ask for a password here, and wait for ever where nobody types one.
  if (error.code === 'registry-unauthorized' && code !== 'DENIED')
    return new HullError('registry-failed', error.message, { cause: error, details: error.details });
  if (code !== 'NAME_UNKNOWN' && code !== 'DENIED') return error;
  return new HullError(
    'image-not-found',
    `pull access denied for ${name}, repository does not exist or may require 'docker login': ${messageOf(error)}`,
    { cause: error },
  );
}

function wordsOf(error: HullError): string {
  return error.message.replace(/^manifest unknown: /, '');
}
