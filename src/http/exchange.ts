import type { BaseIssue, BaseSchema, InferOutput } from 'valibot';
import { API_VERSION, RAW_STREAM } from '../../api/docker.ts';
import type { NDJSON } from '../../api/native.ts';
import { checkJsonType, parseJson, readLimited } from './json-body.ts';
import { Query } from './query.ts';
import type { ByteSink, HijackedConnection, Responder, ResponseHeaders } from './responder.ts';
import { overWebsocket, websocketHeaders } from './websocket.ts';
import type { WireRequest } from './wire/http-connection.ts';
import type { RequestHeaders } from './wire/request-head.ts';

type AnySchema = BaseSchema<unknown, unknown, BaseIssue<unknown>>;

/** What Docker's daemon says with every answer, and its clients look at. */
const COMMON_HEADERS: ResponseHeaders = {
  'Api-Version': API_VERSION,
  'Docker-Experimental': 'false',
  Ostype: 'linux',
  Server: 'Twinhull (linux)',
};

export interface ExchangeFacts {
  readonly id: string;
  /** Path without version prefix and query. */
  readonly path: string;
  readonly search: string;
  readonly params: Readonly<Record<string, string>>;
  readonly apiMinor: number;
}

/** One request and its answer, as handlers see it. */
export class Exchange {
  readonly #request: WireRequest;
  readonly #responder: Responder;
  readonly #facts: ExchangeFacts;
  #query: Query | null = null;
  #gone: AbortController | null = null;

  constructor(request: WireRequest, responder: Responder, facts: ExchangeFacts) {
    this.#request = request;
    this.#responder = responder;
    this.#facts = facts;
  }

  /** Names the request in logs and in the answer's headers. */
  get id(): string {
    return this.#facts.id;
  }

  get path(): string {
    return this.#facts.path;
  }

  /** The API version that the client speaks: 1.`apiMinor`. */
  get apiMinor(): number {
    return this.#facts.apiMinor;
  }

  get headers(): RequestHeaders {
    return this.#request.headers;
  }

  get query(): Query {
    this.#query ??= new Query(this.#facts.search);
    return this.#query;
  }

  /** Aborted when the client goes before the answer is complete. */
  get signal(): AbortSignal {
    if (this.#gone === null) {
      const gone = new AbortController();
      this.#gone = gone;
      this.#responder.onGone(() => gone.abort());
    }
    return this.#gone.signal;
  }

  /** True once a part of the answer was sent. */
  get started(): boolean {
    return this.#responder.started;
  }

  /** A parameter of the route's path. */
  param(name: string): string {
    return this.#facts.params[name] ?? '';
  }

  /** The request's body as it arrives. */
  body(): AsyncIterable<Uint8Array> {
    return this.#request.content;
  }

  /** The body as JSON that `schema` accepts; an empty body counts as `{}`. Throws `invalid-argument` naming the field. */
  async json<const Schema extends AnySchema>(schema: Schema): Promise<InferOutput<Schema>> {
    const text = await readLimited(this.#request.content);
    if (text !== '') checkJsonType(this.headers['content-type']);
    return parseJson(schema, text);
  }

  /** A JSON answer. */
  send(value: unknown, status = 200, headers: ResponseHeaders = {}): void {
    const body = `${JSON.stringify(value)}\n`;
    this.#responder.send(
      status,
      { 'Content-Type': 'application/json', ...this.#headers(), ...headers },
      body,
    );
  }

  /** An answer that is only a status. */
  empty(status: 200 | 201 | 204 | 304 = 204, headers: ResponseHeaders = {}): void {
    this.#responder.send(status, { ...this.#headers(), ...headers }, '');
  }

  text(body: string, headers: ResponseHeaders): void {
    this.#responder.send(
      200,
      { 'Content-Type': 'text/plain; charset=utf-8', ...this.#headers(), ...headers },
      body,
    );
  }

  /** Headers go out at once, the body as it is written. */
  open(contentType: string, headers: ResponseHeaders = {}): ByteSink {
    return this.#responder.open(200, { 'Content-Type': contentType, ...this.#headers(), ...headers });
  }

  /** A stream of JSON values, one per line. */
  openJson(contentType: 'application/json' | typeof NDJSON = 'application/json'): JsonSink {
    const sink = this.open(contentType);
    return { write: (value) => sink.write(`${JSON.stringify(value)}\n`), end: () => sink.end() };
  }

  /** Takes the connection over. A client that did not ask for an upgrade gets it the way of old, behind `200 OK`. */
  hijack(contentType: string): HijackedConnection {
    const upgraded = this.#request.upgrade !== null;
    return this.#responder.hijack(
      { 'Content-Type': upgraded ? contentType : RAW_STREAM, ...this.#headers() },
      upgraded ? { Upgrade: 'tcp' } : null,
    );
  }

  /** Throws `invalid-argument` unless the client asks for a websocket. */
  checkWebsocket(): void {
    websocketHeaders(this.headers, this.#request.upgrade);
  }

  /** Takes the connection over for messages. Throws `invalid-argument` as `checkWebsocket`. */
  websocket(): HijackedConnection {
    const upgrade = websocketHeaders(this.headers, this.#request.upgrade);
    return overWebsocket(this.#responder.hijack(this.#headers(), upgrade));
  }

  /** Breaks off an answer that cannot be completed. */
  abort(): void {
    this.#responder.abort();
  }

  #headers(): ResponseHeaders {
    return { ...COMMON_HEADERS, 'X-Hull-Request': this.#facts.id };
  }
}

/** Receives JSON values; see `ByteSink`. */
export interface JsonSink {
  write(value: unknown): Promise<void>;
  end(): void;
}
