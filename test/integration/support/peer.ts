import { connect, type Socket } from 'node:net';

/** Headers that ask for a connection to be taken over. */
export const UPGRADE = ['Connection: Upgrade', 'Upgrade: tcp'];

/** A client that keeps what it is sent. */
export class Peer {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  closed = false;
  /** Resolves at the end of what it is sent. */
  readonly ended: Promise<void>;

  constructor(path: string) {
    this.socket = connect({ path, allowHalfOpen: true });
    this.socket.on('data', (data: Buffer) => (this.received = Buffer.concat([this.received, data])));
    this.socket.on('error', () => undefined);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    for (const event of ['end', 'close'])
      this.socket.on(event, () => {
        this.closed = true;
        resolve();
      });
  }

  get text(): string {
    return this.received.toString('latin1');
  }

  ask(method: string, path: string, body = '', headers: readonly string[] = []): void {
    const lines = ['Host: x', `Content-Length: ${Buffer.byteLength(body)}`, ...headers];
    this.socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
  }
}
