import { collect } from '../../lib/streams.ts';
import { HullError } from '../../model/errors.ts';
import type { RegistryCredentials } from '../../model/registry-credentials.ts';
import { refusal } from './answers.ts';
import { parseChallenges, type Challenge } from './challenge.ts';
import { endpointsOf, isLoopback } from './endpoints.ts';
import type { HttpRequest, HttpTransport } from './transport.ts';
import { parseBoundedJson } from '../../lib/bounded-json.ts';

const LARGEST_TOKEN_ANSWER = 1024 * 1024;

/** What a request is for, in a token server's words: `repository:team/app:pull,push`. */
export type Scope = string;

/**
 * Proves to one registry who asks: Basic (RFC 7617), or Bearer tokens from the server that the registry names (distribution-spec,
 * "token authentication"). Tokens are kept for each scope until the registry refuses them.
 */
export class Authorization {
  readonly #transport: HttpTransport;
  readonly #credentials: RegistryCredentials;
  readonly #signal: AbortSignal | undefined;
  readonly #known = new Map<Scope, string>();
  readonly #asking = new Map<Scope, Promise<string>>();

  constructor(transport: HttpTransport, credentials: RegistryCredentials, signal?: AbortSignal) {
    this.#transport = transport;
    this.#credentials = credentials;
    this.#signal = signal;
  }

  /** The header's value for a scope, where it is known already. */
  header(scope: Scope): string | undefined {
    const { registryToken } = this.#credentials;
    return this.#known.get(scope) ?? (registryToken === undefined ? undefined : `Bearer ${registryToken}`);
  }

  /**
   * Finds a header that satisfies the registry's challenge. Rejects `registry-unauthorized` when there is none: no credentials, or those that
   * were refused just now.
   */
  async satisfy(
    challengeHeader: string,
    scope: Scope,
    refused: string | undefined,
    registry: URL,
  ): Promise<void> {
    if (this.#known.get(scope) !== refused) return;
    const waiting = this.#asking.get(scope) ?? this.#ask(challengeHeader, scope, registry);
    this.#asking.set(scope, waiting);
    try {
      const header = await waiting;
      if (header === refused) throw unauthorized('unauthorized: authentication required');
      this.#known.set(scope, header);
    } finally {
      this.#asking.delete(scope);
    }
  }

  async #ask(challengeHeader: string, scope: Scope, registry: URL): Promise<string> {
    const challenges = parseChallenges(challengeHeader);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) return `Bearer ${await this.#token(bearer, scope, registry)}`;
    if (!challenges.some(({ scheme }) => scheme === 'basic'))
      throw unauthorized('the registry asks for a way to authenticate that is not known here');
    const basic = this.#basic();
    if (basic === undefined) throw unauthorized('no basic auth credentials');
    return basic;
  }

  #basic(): string | undefined {
    const { username, password } = this.#credentials;
    if (username === undefined || password === undefined) return undefined;
    return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }

  async #token({ parameters }: Challenge, scope: Scope, registry: URL): Promise<string> {
    const realm = realmOf(parameters['realm'], registry);
    const response = await this.#transport(
      this.#tokenRequest(realm, parameters['service'], scope),
      tlsFor(realm),
    );
    if (response.status !== 200) {
      const error = await refusal(response, '');
      throw error.code === 'image-not-found' ? new HullError('registry-failed', error.message) : error;
    }
    return tokenOf(await collect(response.body, LARGEST_TOKEN_ANSWER));
  }

  #tokenRequest(realm: URL, service: string | undefined, scope: Scope): HttpRequest {
    const { identityToken } = this.#credentials;
    const fields = new URLSearchParams();
    if (service !== undefined) fields.set('service', service);
    for (const one of scope.split(' ').filter((part) => part !== '')) fields.append('scope', one);
    const { username } = this.#credentials;
    if (identityToken === undefined) {
      const url = new URL(realm);
      for (const [name, value] of fields) url.searchParams.append(name, value);
      if (username !== undefined) url.searchParams.set('account', username);
      const basic = this.#basic();
      return {
        method: 'GET',
        url,
        ...(basic === undefined ? {} : { headers: { authorization: basic } }),
        signal: this.#signal,
      };
    }
    // OAuth 2: a refresh token is only ever sent in a body.
    fields.set('grant_type', 'refresh_token');
    fields.set('refresh_token', identityToken);
    fields.set('client_id', 'hull');
    const form = new URLSearchParams([...fields].filter(([name]) => name !== 'scope'));
    if (scope !== '') form.set('scope', scope);
    return {
      method: 'POST',
      url: realm,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new TextEncoder().encode(form.toString()),
      signal: this.#signal,
    };
  }
}

/** Where tokens come from. Credentials go there: never without TLS, unless the registry is this host itself. */
function realmOf(text: string | undefined, registry: URL): URL {
  const realm = text === undefined || !URL.canParse(text, registry.href) ? null : new URL(text, registry);
  if (realm === null || !/^https?:$/.test(realm.protocol))
    throw new HullError(
      'registry-failed',
      'the registry asks for a token, but not from a place that can be reached',
    );
  if (realm.protocol === 'http:' && !(registry.protocol === 'http:' && isLoopback(realm.host)))
    throw new HullError(
      'registry-failed',
      `the registry's token server ${realm.origin} is not protected by TLS`,
    );
  realm.username = '';
  realm.password = '';
  return realm;
}

function tlsFor(url: URL): Parameters<HttpTransport>[1] {
  return url.protocol === 'https:' ? (endpointsOf(url.host)[0]?.tls ?? {}) : {};
}

/** `token`, or OAuth 2's `access_token`. */
export function tokenOf(data: Uint8Array): string {
  let value: unknown;
  try {
    value = parseBoundedJson(new TextDecoder().decode(data));
  } catch {
    value = null;
  }
  const { token, access_token: other } = Object(value) as { token?: unknown; access_token?: unknown };
  const found = typeof token === 'string' && token !== '' ? token : other;
  if (typeof found === 'string' && /^[\x21-\x7e]+$/.test(found)) return found;
  throw new HullError('registry-failed', 'authorization server did not include a token in the response');
}

function unauthorized(message: string): HullError {
  return new HullError('registry-unauthorized', message);
}
