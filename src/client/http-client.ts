import { type ByteConnection } from '../host/unix-connection.ts';
import { ByteReader } from './byte-reader.ts';
import { type BodyFraming, framingOf, readBody, readHead, type ResponseHead } from './response.ts';

export type Dial = () => Promise<ByteConnection>;

/** What is asked. A string body is sent as JSON unless `contentType` says otherwise; a stream is sent in chunks. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  readonly contentType?: string;
  /** Further headers, such as `X-Registry-Auth`: values without line ends. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Aborting closes the connection. */
  readonly signal?: AbortSignal;
}

/** A response whose head has come; the body is read once, by exactly one of the methods. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: AsyncIterable<Uint8Array>;
  text(): Promise<string>;
}

/** The bare connection after `101 Switching Protocols`. */
export interface UpgradedStream {
  readonly headers: ReadonlyMap<string, string>;
  /** Bytes from the engine; null at its end. */
  read(): Promise<Uint8Array | null>;
  write(data: Uint8Array): Promise<void>;
  /** No more input: the engine goes on sending. */
  end(): Promise<void>;
  close(): void;
}

interface Channel {
  readonly connection: ByteConnection;
  readonly reader: ByteReader;
}

/**
 * HTTP/1.1 over connections that `dial` opens, kept alive and used again one request at a time. Small on purpose:
 * one trusted peer, no redirects, no compression, no proxies.
 */
export class HttpClient {
  readonly #dial: Dial;
  readonly #host: string;
  readonly #idle: Channel[] = [];

  /** `host`: what the `Host` header says; an engine on TCP looks at it. */
  constructor(dial: Dial, host = 'hull') {
    this.#dial = dial;
    this.#host = host;
  }

  /** Opens connections ahead of their use. */
  async warm(count: number): Promise<void> {
    const opened = await Promise.all(Array.from({ length: count }, () => this.#open()));
    this.#idle.push(...opened);
  }

  /** Resolves when the head has come. Rejects with `engine-unreachable`, `bad-response`, or the connection's error. */
  async request(request: HttpRequest): Promise<HttpResponse> {
    const { channel, head } = await this.#send(request, [], request.signal);
    const framing = framingOf(head, request.method);
    return new Response(head, this.#body(channel, head, framing, request.signal));
  }

  /** Asks for the connection itself. With any answer but 101 that answer is returned as a plain response. */
  async upgrade(request: HttpRequest): Promise<UpgradedStream | HttpResponse> {
    const { channel, head } = await this.#send(
      request,
      ['Connection: Upgrade', 'Upgrade: tcp'],
      request.signal,
    );
    const { connection, reader } = channel;
    // Engines before 1.20 of Docker's API hijack behind a 200 without a length.
    const raw = head.headers.get('content-type')?.startsWith('application/vnd.docker.') === true;
    if (head.status !== 101 && !(head.status === 200 && raw)) {
      return new Response(head, this.#body(channel, head, framingOf(head, request.method), request.signal));
    }
    return {
      headers: head.headers,
      read: () => reader.some(256 * 1024),
      write: (data) => connection.write(data),
      end: () => connection.end(),
      close: () => connection.close(),
    };
  }

  /** Closes what is idle; the process can then end by itself. */
  close(): void {
    for (const channel of this.#idle.splice(0)) channel.connection.close();
  }

  async #open(): Promise<Channel> {
    const connection = await this.#dial();
    return { connection, reader: new ByteReader(connection) };
  }

  async #send(
    request: HttpRequest,
    extra: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<{ channel: Channel; head: ResponseHead }> {
    signal?.throwIfAborted();
    const channel = this.#take() ?? (await this.#open());
    const onAbort = () => channel.connection.close();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const sending = writeRequest(channel.connection, request, [`Host: ${this.#host}`, ...extra]);
      // An engine may answer, with an error, before it has read the whole body: the answer counts.
      const failed = sending.then(
        () => null,
        (error: unknown) => ({ error }),
      );
      const head = await readHead(channel.reader).catch(async (error: unknown) => {
        throw (await failed)?.error ?? error;
      });
      return { channel, head };
    } catch (error) {
      channel.connection.close();
      signal?.throwIfAborted();
      throw error;
    }
  }

  #take(): Channel | undefined {
    for (;;) {
      const channel = this.#idle.pop();
      if (channel === undefined || !channel.connection.finished) return channel;
      channel.connection.close();
    }
  }

  async *#body(
    channel: Channel,
    head: ResponseHead,
    framing: BodyFraming,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, void> {
    let complete = false;
    try {
      yield* readBody(channel.reader, framing);
      complete = framing.kind !== 'close' && head.headers.get('connection')?.toLowerCase() !== 'close';
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      if (complete && signal?.aborted !== true) this.#idle.push(channel);
      else channel.connection.close();
    }
  }
}

/** True for a connection that was handed over. */
export function isUpgraded(answer: UpgradedStream | HttpResponse): answer is UpgradedStream {
  return 'write' in answer;
}

class Response implements HttpResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: AsyncIterable<Uint8Array>;

  constructor(head: ResponseHead, body: AsyncIterable<Uint8Array>) {
    this.status = head.status;
    this.headers = head.headers;
    this.body = body;
  }

  async text(): Promise<string> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.body) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  }
}

async function writeRequest(
  connection: ByteConnection,
  request: HttpRequest,
  extra: readonly string[],
): Promise<void> {
  const { body } = request;
  const lines = [`${request.method} ${request.path} HTTP/1.1`, 'User-Agent: hull', ...extra];
  const fixed = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  for (const [name, value] of Object.entries(request.headers ?? {})) lines.push(`${name}: ${value}`);
  if (body !== undefined) lines.push(`Content-Type: ${request.contentType ?? 'application/json'}`);
  if (!fixed) lines.push('Transfer-Encoding: chunked');
  else if (body !== undefined || request.method === 'POST')
    lines.push(`Content-Length: ${Buffer.byteLength(body ?? '')}`);
  const head = `${lines.join('\r\n')}\r\n\r\n`;
  if (typeof body === 'string') return connection.write(head + body);
  await connection.write(head);
  if (body instanceof Uint8Array) await connection.write(body);
  else if (body !== undefined) await writeChunks(connection, body);
}

async function writeChunks(connection: ByteConnection, body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of body) {
    if (piece.byteLength === 0) continue;
    const size = Buffer.from(`${piece.byteLength.toString(16)}\r\n`);
    await connection.write(Buffer.concat([size, piece, Buffer.from('\r\n')]));
  }
  await connection.write('0\r\n\r\n');
}
