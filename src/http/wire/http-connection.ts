import type { StreamConnection, StreamHandler } from '../../host/stream-server.ts';
import type { Responder } from '../responder.ts';
import { HeadBuffer } from './head-buffer.ts';
import { Lingering } from './lingering.ts';
import { ProtocolError } from './protocol-error.ts';
import { parseHead, type RequestHead } from './request-head.ts';
import { RequestBody } from './request-body.ts';
import { type HttpDate, responseHead } from './response-head.ts';
import { MAX_UNWANTED, WireResponder } from './wire-responder.ts';

/** One request, as it came. */
export interface WireRequest extends RequestHead {
  readonly content: AsyncIterable<Uint8Array>;
}

export interface ConnectionOptions {
  /** Answers by `responder`. Never rejects; called for one request of a connection after the other. */
  readonly serve: (request: WireRequest, responder: Responder) => Promise<void>;
  readonly date: HttpDate;
  /** Milliseconds that a head may take from its first byte (a connection's first: from the beginning). 0: as long as it likes. */
  readonly headTime: number;
  /** The connection is gone. */
  readonly closed: () => void;
}

/** Bytes of later requests held while one is answered. */
const MAX_PIPELINED = 64 * 1024;

interface Current {
  readonly head: RequestHead;
  readonly body: RequestBody;
  readonly responder: WireResponder;
}

/** HTTP/1.1 on one connection: requests one after the other, each with its answer, until one takes the connection over. */
export class HttpConnection implements StreamHandler {
  readonly #stream: StreamConnection;
  readonly #options: ConnectionOptions;
  readonly #input = new HeadBuffer();
  #current: Current | null = null;
  #lingering: Lingering | null = null;
  #headTimer: ReturnType<typeof setTimeout> | null = null;
  #paused = false;
  #peerEnded = false;
  /** Bytes of a body that came after the answer. */
  #unwanted = 0;
  /** Parsing calls itself by way of answers that are ready at once. */
  #pumping = false;

  constructor(stream: StreamConnection, options: ConnectionOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#startHeadTimer();
  }

  data(data: Uint8Array): void {
    if (this.#lingering !== null) return this.#lingering.data(data.byteLength);
    let rest = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const current = this.#current;
    if (current !== null && !current.body.complete) rest = rest.subarray(this.#feed(current, rest));
    // After its last chunk, input in chunks has ended: what follows belongs to nobody.
    if (rest.length > 0 && current?.responder.hijacked !== true) this.#input.push(rest);
    this.#pump();
  }

  ended(): void {
    this.#peerEnded = true;
    if (this.#lingering !== null) return;
    const current = this.#current;
    // A head that is cut short has nobody who could still complete it.
    if (current === null || current.responder.done) return this.#linger();
    current.body.peerEnded(current.responder.hijacked);
    current.responder.clientEnded();
  }

  drained(): void {
    this.#lingering?.start();
    this.#current?.responder.drained();
  }

  closed(): void {
    this.#stopHeadTimer();
    this.#lingering?.stop();
    const current = this.#current;
    current?.body.fail();
    current?.responder.connectionClosed();
    this.#options.closed();
  }

  destroy(): void {
    this.#stream.destroy();
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.#current === null && this.#lingering === null) {
        const text = this.#input.takeHead();
        if (text === null) break;
        this.#begin(parseHead(text));
      }
    } catch (error) {
      this.#refuse(error);
    } finally {
      this.#pumping = false;
    }
    if (this.#current === null && this.#input.length > 0) this.#startHeadTimer();
    this.#balance();
  }

  #begin(head: RequestHead): void {
    this.#stopHeadTimer();
    const body: RequestBody = new RequestBody(head.body, {
      wanted: () => current.responder.bodyWanted(),
      room: () => this.#balance(),
    });
    const responder: WireResponder = new WireResponder(head, body, this.#stream, this.#options.date, {
      finished: () => this.#finished(current),
      takeOver: () => this.#takeOver(body),
    });
    const current: Current = { head, body, responder };
    this.#current = current;
    if (!body.complete && this.#input.length > 0) {
      const rest = this.#input.take();
      const taken = this.#feed(current, rest);
      if (taken < rest.length) this.#input.push(rest.subarray(taken));
    }
    if (this.#lingering !== null) return;
    void this.#options.serve({ ...head, content: body }, responder).then(() => responder.handlerDone());
  }

  /** What came after the request, and what will come, is input from here on. */
  #takeOver(body: RequestBody): void {
    body.becomeRaw();
    body.feed(this.#input.take());
    if (this.#peerEnded) body.peerEnded(true);
  }

  #feed(current: Current, data: Buffer): number {
    try {
      const taken = current.body.feed(data);
      if (current.body.complete && current.responder.done) this.#finished(current);
      else if (current.responder.done) this.#checkUnwanted(data.length);
      return taken;
    } catch (error) {
      current.body.fail();
      // An answer that has begun cannot become another one: it is broken off, and whoever makes it must know.
      if (!current.responder.started) this.#refuse(error);
      else {
        current.responder.connectionClosed();
        this.#linger();
      }
      return data.length;
    }
  }

  #checkUnwanted(count: number): void {
    this.#unwanted += count;
    if (this.#unwanted > MAX_UNWANTED) this.#linger();
  }

  /** The answer is complete, or the body that nobody reads any more. */
  #finished(current: Current): void {
    if (this.#current !== current || this.#lingering !== null) return;
    if (!current.responder.keepAlive || this.#peerEnded) return this.#linger();
    if (!current.body.complete) return current.body.discard();
    this.#current = null;
    this.#unwanted = 0;
    this.#pump();
  }

  /** Says what is wrong, and ends the connection: nobody knows where the next request would begin. */
  #refuse(error: unknown): void {
    const { status, message } =
      error instanceof ProtocolError ? error : new ProtocolError(500, 'the request could not be read');
    const body = `${JSON.stringify({ message })}\n`;
    const head = responseHead(status, {
      'Content-Type': 'application/json',
      Date: this.#options.date.now(),
      'Content-Length': Buffer.byteLength(body),
      Connection: 'close',
    });
    this.#current?.responder.connectionClosed();
    this.#stream.write(Buffer.from(head + body));
    this.#linger();
  }

  /**
   * Ends our direction and reads on for a while: closing with unread input would reset the connection, and the client might lose the
   * answer.
   */
  #linger(): void {
    this.#stopHeadTimer();
    this.#current = null;
    this.#input.take();
    if (this.#paused) this.#resume();
    if (this.#lingering !== null) return;
    this.#lingering = new Lingering(() => this.#stream.destroy());
    this.#stream.end();
    if (this.#stream.waiting === 0) this.#lingering.start();
  }

  /** Makes the client wait while there is more from it than somebody takes. */
  #balance(): void {
    if (this.#lingering !== null) return;
    const full =
      (this.#current?.body.full ?? false) || (this.#current !== null && this.#input.length > MAX_PIPELINED);
    if (full && !this.#paused) {
      this.#paused = true;
      this.#stream.pause();
    } else if (!full && this.#paused) {
      this.#resume();
    }
  }

  #resume(): void {
    this.#paused = false;
    this.#stream.resume();
  }

  #startHeadTimer(): void {
    if (this.#options.headTime === 0 || this.#headTimer !== null) return;
    this.#headTimer = setTimeout(
      () => this.#refuse(new ProtocolError(408, 'the request took too long to arrive')),
      this.#options.headTime,
    );
    this.#headTimer.unref();
  }

  #stopHeadTimer(): void {
    if (this.#headTimer !== null) clearTimeout(this.#headTimer);
    this.#headTimer = null;
  }
}
