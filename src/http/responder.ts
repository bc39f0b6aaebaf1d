import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex, Writable } from 'node:stream';

export type ResponseHeaders = Readonly<Record<string, string | number>>;

/** Receives the body of an answer. A client that has gone swallows everything: the exchange's signal tells. */
export interface ByteSink {
  /** Resolves when there is room for more. Never rejects. */
  write(data: string | Uint8Array): Promise<void>;
  end(): void;
}

/** A connection taken over from HTTP: raw bytes both ways, each direction ends by itself. */
export interface HijackedConnection extends ByteSink {
  /** Hands over what the client sends, one piece at a time; `onEnd` when the client will send no more. May be called once. */
  receive(onData: (data: Uint8Array) => Promise<void>, onEnd: () => Promise<void>): void;
}

/** How an answer gets to the client: as an ordinary response, or over an upgraded connection. */
export interface Responder {
  /** True once a status line was written. */
  readonly started: boolean;
  /** The whole answer. */
  send(status: number, headers: ResponseHeaders, body: string | Uint8Array): void;
  /** Status line and headers at once, the body as it comes. */
  open(status: number, headers: ResponseHeaders): ByteSink;
  hijack(headers: ResponseHeaders): HijackedConnection;
  /** The connection is of no use any more (an answer broke off): closes it, so that the client notices. */
  abort(): void;
  /** Calls when the client has gone before the answer was complete. */
  onGone(listener: () => void): void;
}

/** An ordinary request and response. */
export class PlainResponder implements Responder {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
  }

  get started(): boolean {
    return this.#response.headersSent;
  }

  send(status: number, headers: ResponseHeaders, body: string | Uint8Array): void {
    const bodyless = status === 204 || status === 304;
    this.#response.writeHead(
      status,
      bodyless ? headers : { ...headers, 'Content-Length': Buffer.byteLength(body) },
    );
    if (bodyless || this.#request.method === 'HEAD') this.#response.end();
    else this.#response.end(body);
  }

  open(status: number, headers: ResponseHeaders): ByteSink {
    this.#response.writeHead(status, headers);
    this.#response.flushHeaders();
    return sinkOf(this.#response);
  }

  /** Without an upgrade the client keeps speaking HTTP: its request body is the input, the chunked response the output. */
  hijack(headers: ResponseHeaders): HijackedConnection {
    const sink = this.open(200, headers);
    return { ...sink, receive: (onData, onEnd) => receiveFrom(this.#request, onData, onEnd) };
  }

  abort(): void {
    this.#response.destroy();
  }

  onGone(listener: () => void): void {
    this.#response.once('close', () => {
      if (!this.#response.writableFinished) listener();
    });
  }
}

/** A request with `Connection: Upgrade`: the server hands over the socket before anything is answered. */
export class UpgradeResponder implements Responder {
  readonly #socket: Duplex;
  readonly #head: Uint8Array;
  #started = false;

  /** `head`: what the client sent after its request. */
  constructor(socket: Duplex, head: Uint8Array) {
    this.#socket = socket;
    this.#head = head;
    // A reset by the client; `close` follows and is what everyone listens to.
    socket.on('error', () => undefined);
  }

  get started(): boolean {
    return this.#started;
  }

  send(status: number, headers: ResponseHeaders, body: string | Uint8Array): void {
    this.#writeHead(status, 'Declined', {
      ...headers,
      'Content-Length': Buffer.byteLength(body),
      Connection: 'close',
    });
    this.#socket.end(body);
  }

  open(status: number, headers: ResponseHeaders): ByteSink {
    this.#writeHead(status, 'OK', { ...headers, Connection: 'close' });
    return sinkOf(this.#socket);
  }

  hijack(headers: ResponseHeaders): HijackedConnection {
    this.#writeHead(101, 'UPGRADED', { ...headers, Connection: 'Upgrade', Upgrade: 'tcp' });
    const socket = this.#socket;
    const early = this.#head;
    return {
      ...sinkOf(socket),
      receive: (onData, onEnd) => receiveFrom(socket, onData, onEnd, early),
    };
  }

  abort(): void {
    this.#socket.destroy();
  }

  onGone(listener: () => void): void {
    this.#socket.once('close', listener);
  }

  #writeHead(status: number, reason: string, headers: ResponseHeaders): void {
    this.#started = true;
    let text = `HTTP/1.1 ${status} ${reason}\r\n`;
    for (const [name, value] of Object.entries(headers)) text += `${name}: ${value}\r\n`;
    this.#socket.write(`${text}\r\n`);
  }
}

function sinkOf(stream: Writable): ByteSink {
  const usable = () => !stream.destroyed && !stream.writableEnded;
  return {
    write: async (data) => {
      if (usable() && !stream.write(data)) await roomIn(stream);
    },
    end: () => {
      if (usable()) stream.end();
    },
  };
}

/** Resolves at `drain`, or when the stream can take nothing any more. */
function roomIn(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
    if (stream.destroyed) done();
  });
}

/** One piece at a time: the stream is paused while a piece is worked on, so that a slow reader slows the client. */
function receiveFrom(
  stream: NodeJS.ReadableStream,
  onData: (data: Uint8Array) => Promise<void>,
  onEnd: () => Promise<void>,
  early?: Uint8Array,
): void {
  let work: Promise<void> = Promise.resolve();
  const take = (data: Uint8Array) => {
    stream.pause();
    work = work
      .then(() => onData(data))
      // Whoever consumes the input is gone: what the client still sends has no reader.
      .catch(() => undefined)
      .then(() => void stream.resume());
  };
  if (early !== undefined && early.byteLength > 0) take(early);
  stream.on('data', take);
  stream.once('end', () => {
    work = work.then(onEnd).catch(() => undefined);
  });
}
