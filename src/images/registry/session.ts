import { HullError, isHullError } from '../../model/errors.ts';
import type { RegistryCredentials } from '../../model/registry-credentials.ts';
import { refusal } from './answers.ts';
import { Authorization, type Scope } from './authorization.ts';
import { endpointsOf, isLoopback, type Endpoint } from './endpoints.ts';
import type { HttpRequest, HttpResponse, HttpTransport } from './transport.ts';

const MOST_REDIRECTS = 5;
const PING_TIMEOUT = 15_000;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface SessionRequest {
  readonly method: HttpRequest['method'];
  /** A path on the registry, or a whole URL that it gave. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: () => HttpRequest['body'];
  readonly scope: Scope;
}

/** One operation's dealings with one registry: the endpoint that answers, who asks, redirects. */
export class RegistrySession {
  readonly #transport: HttpTransport;
  readonly #endpoints: readonly Endpoint[];
  readonly #authorization: Authorization;
  readonly #signal: AbortSignal | undefined;
  #endpoint: Promise<Endpoint> | null = null;

  /** `domain` as in a reference: `docker.io`, `localhost:5000`. */
  constructor(
    domain: string,
    credentials: RegistryCredentials,
    { transport, signal }: { transport: HttpTransport; signal?: AbortSignal | undefined },
  ) {
    this.#transport = transport;
    this.#endpoints = endpointsOf(domain);
    this.#authorization = new Authorization(transport, credentials, signal);
    this.#signal = signal;
  }

  /** The address that answered. */
  async origin(): Promise<string> {
    return (await this.#connect()).origin;
  }

  /** Sends, once more with credentials where the registry asks for them, and follows redirects of GET and HEAD. Any status is an answer, but 401. */
  async send(request: SessionRequest): Promise<HttpResponse> {
    const endpoint = await this.#connect();
    const url = new URL(request.target, `${endpoint.origin}/`);
    const own = url.origin === endpoint.origin;
    for (let attempt = 0; ; attempt++) {
      const authorization = own ? this.#authorization.header(request.scope) : undefined;
      const response = await this.#once(request, url, endpoint, authorization);
      if (response.status !== 401 || !own || attempt === 1) return await this.#follow(request, url, response);
      const challenge = response.headers['www-authenticate'] ?? '';
      response.discard();
      await this.#authorization.satisfy(challenge, request.scope, authorization, url);
    }
  }

  /** As `send`; an unwanted status is rejected as what it stands for. `what` begins the message. */
  async must(request: SessionRequest, statuses: readonly number[], what = ''): Promise<HttpResponse> {
    const response = await this.send(request);
    if (statuses.includes(response.status)) return response;
    throw await refusal(response, what);
  }

  async #once(
    { method, headers, body }: SessionRequest,
    url: URL,
    endpoint: Endpoint,
    authorization: string | undefined,
  ): Promise<HttpResponse> {
    const content = body?.();
    const request: HttpRequest = {
      method,
      url,
      headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
      ...(content === undefined ? {} : { body: content }),
      signal: this.#signal,
    };
    return await this.#transport(request, url.origin === endpoint.origin ? endpoint.tls : tlsOf(url));
  }

  /** To wherever the registry keeps its bytes, without the credentials. */
  async #follow(request: SessionRequest, from: URL, first: HttpResponse): Promise<HttpResponse> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return first;
    let response = first;
    let url = from;
    for (let count = 0; REDIRECTS.has(response.status); count++) {
      const location = response.headers['location'];
      response.discard();
      if (count === MOST_REDIRECTS) throw failed(`stopped after ${MOST_REDIRECTS} redirects`);
      const next = nextUrl(location, url);
      const endpoint = await this.#connect();
      const authorization =
        next.origin === endpoint.origin ? this.#authorization.header(request.scope) : undefined;
      url = next;
      response = await this.#once(request, url, endpoint, authorization);
    }
    return response;
  }

  #connect(): Promise<Endpoint> {
    this.#endpoint ??= this.#firstAnswering();
    return this.#endpoint;
  }

  /** The first endpoint that speaks HTTP at all: what it says comes with the first real request. */
  async #firstAnswering(): Promise<Endpoint> {
    let failure: unknown = null;
    for (const endpoint of this.#endpoints) {
      const timeout = AbortSignal.timeout(PING_TIMEOUT);
      const signal = this.#signal === undefined ? timeout : AbortSignal.any([this.#signal, timeout]);
      const url = new URL('/v2/', endpoint.origin);
      try {
        const response = await this.#transport({ method: 'GET', url, signal }, endpoint.tls);
        response.discard();
        // A server of the other kind says so like this.
        if (response.status === 400 && this.#endpoints.length > 1 && url.protocol === 'https:') continue;
        return endpoint;
      } catch (error) {
        this.#signal?.throwIfAborted();
        failure = timeout.aborted ? timedOut(url, error) : error;
        if (!isHullError(failure, 'registry-unreachable')) throw failure;
      }
    }
    throw failure;
  }
}

function timedOut(url: URL, cause: unknown): HullError {
  return new HullError(
    'registry-unreachable',
    `Get "${url.href}": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)`,
    { cause },
  );
}

function nextUrl(location: string | undefined, from: URL): URL {
  if (location === undefined || !URL.canParse(location, from.href))
    throw failed('the registry redirects to nowhere');
  const next = new URL(location, from);
  if (!/^https?:$/.test(next.protocol))
    throw failed(`the registry redirects to ${next.protocol.slice(0, 20)}`);
  if (from.protocol === 'https:' && next.protocol === 'http:' && !isLoopback(from.host))
    throw failed(`the registry redirects to ${next.origin}, which is not protected by TLS`);
  return next;
}

function tlsOf(url: URL): Endpoint['tls'] {
  return url.protocol === 'https:' ? (endpointsOf(url.host)[0]?.tls ?? {}) : {};
}

function failed(message: string): HullError {
  return new HullError('registry-failed', message);
}
