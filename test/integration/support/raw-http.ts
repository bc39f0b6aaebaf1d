import { connect, type Socket } from 'node:net';

/** An answer as its bytes say it. */
export interface RawAnswer {
  /** 0 when the connection was closed without one. */
  readonly status: number;
  readonly text: string;
}

/** Talks to an engine's socket as no well-behaved client does. */
export class RawHttp {
  readonly #path: string;

  constructor(socketPath: string) {
    this.#path = socketPath;
  }

  open(): Socket {
    const socket = connect(this.#path);
    // A refused client is cut off while it still writes.
    socket.on('error', () => undefined);
    return socket;
  }

  /** Sends bytes as they are, then reads until the end. The request should ask for the connection to be closed. */
  async send(head: string, body: AsyncIterable<Uint8Array> | Iterable<Uint8Array> = []): Promise<RawAnswer> {
    const socket = this.open();
    const answer = readAnswer(socket);
    socket.write(head, 'latin1');
    for await (const chunk of body) {
      if (socket.destroyed) break;
      if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    }
    return await answer;
  }

  /** A request with a body, as it should be. */
  async request(
    method: string,
    path: string,
    body: Uint8Array = new Uint8Array(0),
    type = 'application/json',
  ): Promise<RawAnswer> {
    const head = `${method} ${path} HTTP/1.1\r\nHost: hull\r\nConnection: close\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`;
    return await this.send(head, [body]);
  }

  json(method: string, path: string, value: unknown): Promise<RawAnswer> {
    return this.request(method, path, Buffer.from(JSON.stringify(value)));
  }
}

function once(socket: Socket, event: 'drain' | 'close'): Promise<void> {
  return new Promise((resolve) => void socket.once(event, () => resolve()));
}

async function readAnswer(socket: Socket): Promise<RawAnswer> {
  const { promise, resolve } = Promise.withResolvers<RawAnswer>();
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => void chunks.push(chunk));
  socket.once('close', () => {
    const text = Buffer.concat(chunks).toString('utf8');
    resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text });
  });
  return await promise;
}
