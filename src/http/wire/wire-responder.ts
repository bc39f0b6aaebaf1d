import type { StreamConnection } from '../../host/stream-server.ts';
import type { ByteSink, HijackedConnection, Responder, ResponseHeaders } from '../responder.ts';
import type { RequestBody } from './request-body.ts';
import type { RequestHead } from './request-head.ts';
import { type HttpDate, responseHead } from './response-head.ts';

/** Bytes that wait for a slow reader before writers are made to wait. */
const HIGH_WATER = 256 * 1024;
/** Bytes of a body nobody wanted that are read for the sake of keeping the connection. */
export const MAX_UNWANTED = 256 * 1024;

const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');
const CHUNK_END = Buffer.from('\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/** What a responder asks of its connection. */
export interface ResponderHooks {
  /** The answer is complete. */
  finished(): void;
  /** From here on the connection is no HTTP any more. */
  takeOver(): void;
}

/** The answer to one request, on its way to the client. */
export class WireResponder implements Responder {
  readonly #head: RequestHead;
  readonly #body: RequestBody;
  readonly #stream: StreamConnection;
  readonly #date: HttpDate;
  readonly #hooks: ResponderHooks;
  readonly #goneListeners: (() => void)[] = [];
  #waiters: (() => void)[] = [];
  #state: 'waiting' | 'streaming' | 'hijacked' | 'done' | 'broken' = 'waiting';
  #keepAlive: boolean;
  #continued = false;
  #clientEnded = false;
  #gone = false;

  constructor(
    head: RequestHead,
    body: RequestBody,
    stream: StreamConnection,
    date: HttpDate,
    hooks: ResponderHooks,
  ) {
    this.#head = head;
    this.#body = body;
    this.#stream = stream;
    this.#date = date;
    this.#hooks = hooks;
    // After a declined upgrade the client may already speak something else.
    this.#keepAlive = head.keepAlive && head.upgrade === null;
  }

  get started(): boolean {
    return this.#state !== 'waiting';
  }

  get hijacked(): boolean {
    return this.#state === 'hijacked';
  }

  /** The answer is complete, or never will be. */
  get done(): boolean {
    return this.#state === 'done' || this.#state === 'broken';
  }

  get keepAlive(): boolean {
    return this.#keepAlive && this.#state === 'done';
  }

  send(status: number, headers: ResponseHeaders, body: string | Uint8Array): void {
    if (this.#state !== 'waiting') return;
    this.#checkUnread();
    const bodyless = status === 204 || status === 304;
    const length = bodyless ? {} : { 'Content-Length': Buffer.byteLength(body) };
    const head = responseHead(status, this.#complete({ ...headers, ...length }));
    if (bodyless || this.#head.method === 'HEAD') this.#stream.write(Buffer.from(head));
    else if (typeof body === 'string') this.#stream.write(Buffer.from(head + body));
    else {
      this.#stream.write(Buffer.from(head));
      this.#stream.write(body);
    }
    this.#stream.flush();
    this.#finish();
  }

  open(status: number, headers: ResponseHeaders): ByteSink {
    if (this.#state !== 'waiting') return NOWHERE;
    this.#checkUnread();
    const chunked = this.#head.minor > 0;
    if (!chunked) this.#keepAlive = false;
    const encoding = chunked ? { 'Transfer-Encoding': 'chunked' } : {};
    this.#stream.write(Buffer.from(responseHead(status, this.#complete({ ...headers, ...encoding }))));
    this.#stream.flush();
    this.#state = 'streaming';
    if (this.#clientEnded) queueMicrotask(() => this.#tellGone());
    const silent = this.#head.method === 'HEAD';
    return {
      write: (data) => {
        if (this.#state !== 'streaming' || silent || data.length === 0) return READY;
        if (chunked) this.#writeChunk(toBytes(data));
        else this.#stream.write(toBytes(data));
        return this.#room();
      },
      end: () => {
        if (this.#state !== 'streaming') return;
        if (chunked && !silent) this.#stream.write(LAST_CHUNK);
        this.#stream.flush();
        this.#finish();
      },
    };
  }

  hijack(headers: ResponseHeaders, upgrade: ResponseHeaders | null): HijackedConnection {
    if (this.#state !== 'waiting') return { ...NOWHERE, receive: () => undefined };
    const head =
      upgrade === null
        ? responseHead(200, headers)
        : responseHead(101, { ...headers, Connection: 'Upgrade', ...upgrade }, 'UPGRADED');
    this.#state = 'hijacked';
    this.#keepAlive = false;
    this.#stream.write(Buffer.from(head));
    this.#stream.flush();
    this.#hooks.takeOver();
    return {
      write: (data) => {
        if (this.#state !== 'hijacked' || data.length === 0) return READY;
        this.#stream.write(toBytes(data));
        return this.#room();
      },
      end: () => {
        if (this.#state === 'hijacked') this.#finish();
      },
      receive: (onData, onEnd) => void this.#receive(onData, onEnd),
    };
  }

  abort(): void {
    this.#state = 'broken';
    this.#keepAlive = false;
    this.#stream.destroy();
  }

  onGone(listener: () => void): void {
    if (this.#gone) listener();
    else this.#goneListeners.push(listener);
  }

  /** Somebody reads the body: a client that waits for that may send it. */
  bodyWanted(): void {
    if (!this.#head.expectsContinue || this.#continued || this.started || this.#body.complete) return;
    this.#continued = true;
    this.#stream.write(CONTINUE);
    this.#stream.flush();
  }

  drained(): void {
    const waiters = this.#waiters;
    if (waiters.length === 0) return;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  /**
   * The client sends no more. For an answer that may be silent for hours that means that it has gone: over TCP nothing else would tell. For
   * a connection that is taken over it is the end of the input.
   */
  clientEnded(): void {
    this.#clientEnded = true;
    if (this.#state === 'streaming') this.#tellGone();
  }

  connectionClosed(): void {
    if (!this.done) {
      this.#state = 'broken';
      this.#keepAlive = false;
      this.#tellGone();
    }
    this.drained();
  }

  /** The handler has returned: what is not complete now never will be. */
  handlerDone(): void {
    if (!this.done) this.abort();
  }

  #complete(headers: ResponseHeaders): ResponseHeaders {
    const connection = this.#keepAlive
      ? this.#head.minor > 0
        ? {}
        : { Connection: 'keep-alive' }
      : { Connection: 'close' };
    return { ...headers, Date: this.#date.now(), ...connection };
  }

  /** A large body that was not wanted is not worth reading, and a client that still waits to be told to send it may do either. */
  #checkUnread(): void {
    const { left } = this.#body;
    const waits = this.#head.expectsContinue && !this.#continued && left > 0;
    if (waits || (left !== Infinity && left > MAX_UNWANTED)) this.#keepAlive = false;
  }

  #writeChunk(data: Uint8Array): void {
    this.#stream.write(Buffer.from(`${data.byteLength.toString(16)}\r\n`));
    this.#stream.write(data);
    this.#stream.write(CHUNK_END);
  }

  #room(): Promise<void> {
    if (this.#stream.waiting <= HIGH_WATER) return READY;
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #finish(): void {
    this.#state = 'done';
    this.#hooks.finished();
  }

  #tellGone(): void {
    this.#gone = true;
    for (const listener of this.#goneListeners.splice(0)) listener();
  }

  /** One piece at a time, so that a slow reader slows the client. */
  async #receive(onData: (data: Uint8Array) => Promise<void>, onEnd: () => Promise<void>): Promise<void> {
    try {
      for await (const data of this.#body) {
        // Whoever consumes the input is gone: what the client still sends has no reader.
        await onData(data).catch(() => undefined);
      }
      await onEnd();
    } catch {
      // The connection broke: its owner is told so by `onGone`.
    }
  }
}

const READY = Promise.resolve();
const NOWHERE: ByteSink = { write: () => READY, end: () => undefined };

function toBytes(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : data;
}
