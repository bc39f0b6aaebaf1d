import { Agent as PlainAgent, type IncomingMessage, request as plainRequest } from 'node:http';
import { Agent as SecureAgent, request as secureRequest, type RequestOptions } from 'node:https';
import { isIP } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HullError, messageOf } from '../../model/errors.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | { readonly stream: AsyncIterable<Uint8Array>; readonly size: number };
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  /** Lower-case names; the first of repeated ones. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Once: read it to its end or leave the loop, which closes the connection. Errors are `registry-unreachable`. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Lets go of a body that nobody reads. */
  discard(): void;
}

/** Certificates and the like for one server (PEM). */
export interface TlsSettings {
  readonly ca?: readonly string[];
  readonly certificate?: string;
  readonly key?: string;
  /** Takes any certificate: only for this host itself. */
  readonly anyCertificate?: boolean;
}

/** Sends requests; follows nothing, adds nothing. */
export type HttpTransport = (request: HttpRequest, tls: TlsSettings) => Promise<HttpResponse>;

export interface TransportLimits {
  /** Milliseconds until the answer's headers, and between two pieces of a body. */
  readonly answer: number;
  readonly idle: number;
}

const LIMITS: TransportLimits = { answer: 30_000, idle: 60_000 };
/**
 * A pull asks for a dozen things of one server: each new connection is up to three round trips. Only what may be asked twice goes over a
 * connection that was kept (RFC 9112, section 9.3.1).
 */
const KEPT = { keepAlive: true, timeout: 10_000, maxFreeSockets: 4 } as const;

interface Agents {
  readonly plain: PlainAgent;
  readonly secure: SecureAgent;
}

const CONNECTION_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
};

/** HTTP and HTTPS by the runtime's own client. Every failure of the connection is `registry-unreachable`, in the words of Docker's daemon. */
export function createTransport(limits: TransportLimits = LIMITS): HttpTransport {
  const agents: Agents = { plain: new PlainAgent(KEPT), secure: new SecureAgent(KEPT) };
  return async (request, tls) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return await send(request, tls, limits, null);
    try {
      return await send(request, tls, limits, agents);
    } catch (error) {
      // The server closed the connection that was kept, just then.
      if (!isReset(error)) throw error;
      return await send(request, tls, limits, null);
    }
  };
}

async function send(
  request: HttpRequest,
  tls: TlsSettings,
  limits: TransportLimits,
  agents: Agents | null,
): Promise<HttpResponse> {
  request.signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = (request.url.protocol === 'https:' ? secureRequest : plainRequest)(
    optionsOf(request, tls, agents),
    resolve,
  );
  const fail = (error: unknown): void => {
    reject(error);
    outgoing.destroy();
  };
  const abort = (): void => fail(request.signal?.reason);
  // An upload takes as long as it takes: its own progress winds the clock up again.
  const clock = new IdleClock(limits.answer, () =>
    fail(new Error('net/http: timeout awaiting response headers')),
  );
  outgoing.on('error', fail);
  request.signal?.addEventListener('abort', abort, { once: true });
  try {
    const sent = writeBody(outgoing, request.body, clock);
    sent.catch((error: unknown) => fail(error));
    const incoming = await promise;
    clock.stop();
    return responseOf(request, incoming, limits);
  } catch (error) {
    request.signal?.throwIfAborted();
    throw unreachable(request, error);
  } finally {
    clock.stop();
    request.signal?.removeEventListener('abort', abort);
  }
}

function optionsOf(
  { url, method, headers, body }: HttpRequest,
  tls: TlsSettings,
  agents: Agents | null,
): RequestOptions {
  const size = body === undefined ? undefined : body instanceof Uint8Array ? body.length : body.size;
  return {
    method,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    headers: {
      host: url.host,
      'user-agent': 'hull',
      ...headers,
      ...(size === undefined
        ? method === 'POST'
          ? { 'content-length': '0' }
          : {}
        : { 'content-length': String(size) }),
    },
    agent: agents === null ? false : url.protocol === 'https:' ? agents.secure : agents.plain,
    ...(tls.ca === undefined ? {} : { ca: [...tls.ca] }),
    ...(tls.certificate === undefined ? {} : { cert: tls.certificate, key: tls.key }),
    ...(isIP(url.hostname) === 0 ? { servername: url.hostname } : {}),
    rejectUnauthorized: tls.anyCertificate !== true,
  };
}

function isReset(error: unknown): boolean {
  const cause = error instanceof HullError ? error.cause : error;
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNRESET';
}

async function writeBody(
  outgoing: NodeJS.WritableStream,
  body: HttpRequest['body'],
  clock: IdleClock,
): Promise<void> {
  if (body === undefined || body instanceof Uint8Array) {
    if (body === undefined) outgoing.end();
    else outgoing.end(body);
    return;
  }
  async function* watched(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      yield chunk;
      clock.wind();
    }
  }
  await pipeline(
    Readable.from(watched(body.stream), { objectMode: false, highWaterMark: 256 * 1024 }),
    outgoing,
  );
}

function responseOf(request: HttpRequest, incoming: IncomingMessage, limits: TransportLimits): HttpResponse {
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
  // Without a listener, an error between two reads would end the program.
  incoming.on('error', () => undefined);
  return {
    status: incoming.statusCode ?? 0,
    headers,
    body: bodyOf(request, incoming, limits),
    discard: () => void incoming.destroy(),
  };
}

async function* bodyOf(
  request: HttpRequest,
  incoming: IncomingMessage,
  limits: TransportLimits,
): AsyncGenerator<Uint8Array> {
  const { signal } = request;
  const abort = (): void => void incoming.destroy(new Error('aborted'));
  const clock = new IdleClock(
    limits.idle,
    () => void incoming.destroy(new Error('the connection timed out: no data arrived')),
  );
  signal?.addEventListener('abort', abort, { once: true });
  try {
    if (signal?.aborted === true) abort();
    for await (const chunk of incoming) {
      // The reader may take its time.
      clock.stop();
      yield chunk as Uint8Array;
      clock.wind();
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw unreachable(request, error);
  } finally {
    clock.stop();
    signal?.removeEventListener('abort', abort);
    incoming.destroy();
  }
}

/** Calls once when it has not been wound for a while. */
class IdleClock {
  readonly #milliseconds: number;
  readonly #ring: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(milliseconds: number, ring: () => void) {
    this.#milliseconds = milliseconds;
    this.#ring = ring;
    this.wind();
  }

  wind(): void {
    this.stop();
    this.#timer = setTimeout(this.#ring, this.#milliseconds);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

function unreachable({ method, url }: HttpRequest, error: unknown): HullError {
  if (error instanceof HullError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const verb = method.charAt(0) + method.slice(1).toLowerCase();
  // Queries may hold tokens.
  const where = `${url.origin}${url.pathname}`;
  return new HullError('registry-unreachable', `${verb} "${where}": ${reasonOf(url, code, error)}`, {
    cause: error,
  });
}

function reasonOf(url: URL, code: string, error: unknown): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ENODATA')
    return `dial tcp: lookup ${url.hostname}: ${code === 'ENOTFOUND' ? 'no such host' : 'the name cannot be resolved now'}`;
  const refused = CONNECTION_ERRORS[code];
  if (refused === undefined) return messageOf(error);
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return `dial tcp ${url.hostname}:${port}: ${refused}`;
}
