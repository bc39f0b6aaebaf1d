import type { StreamConnection } from '../../host/stream-server.ts';
import type { Responder } from '../responder.ts';
import { HttpConnection, type WireRequest } from '../wire/http-connection.ts';
import { HttpDate } from '../wire/response-head.ts';

export type Serve = (request: WireRequest, responder: Responder) => Promise<void>;

/** The kernel's side of a connection, in memory. */
export class MemoryStream implements StreamConnection {
  sent = '';
  waiting = 0;
  paused = false;
  ended = false;
  destroyed = false;
  readonly connection: HttpConnection;

  constructor(serve: Serve, headTime = 0) {
    this.connection = new HttpConnection(this, {
      serve,
      date: new HttpDate(),
      headTime,
      closed: () => undefined,
    });
  }

  write(data: Uint8Array): void {
    this.sent += Buffer.from(data).toString('latin1');
  }
  flush(): void {}
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  end(): void {
    this.ended = true;
  }
  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.connection.closed();
  }

  get isPaused(): boolean {
    return this.paused;
  }

  receive(text: string): void {
    this.connection.data(Buffer.from(text, 'latin1'));
  }

  /** Answers without their headers: statuses and bodies. */
  get answers(): string[] {
    return this.sent
      .split(/(?=HTTP\/1\.1 )/)
      .map((answer) => `${answer.slice(9, 12)} ${answer.slice(answer.indexOf('\r\n\r\n') + 4)}`);
  }
}

/** Answers with what was asked. */
export const echo: Serve = async (request, responder) => {
  const pieces: Uint8Array[] = [];
  for await (const piece of request.content) pieces.push(piece);
  responder.send(200, {}, `${request.method} ${request.target} ${Buffer.concat(pieces).toString('latin1')}`);
};
/** Lets things happen that were begun. */
export const turns = async (count = 10) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};
