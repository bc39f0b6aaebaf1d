import { HullError, messageOf } from '../model/errors.ts';

/** A stream connection that can be closed in one direction: what HTTP with hijacked streams needs. */
export interface ByteConnection {
  /** The next bytes; null once the peer has finished. One reader at a time. Rejects when the connection broke. */
  read(): Promise<Uint8Array | null>;
  /** Resolves when the kernel has taken everything. Rejects when the peer is gone. */
  write(data: Uint8Array | string): Promise<void>;
  /** Closes the sending direction after what was written; reading goes on. */
  end(): Promise<void>;
  /** Closes both directions at once. */
  close(): void;
  /** The peer has finished or the connection broke: nothing more can be asked on it. */
  readonly finished: boolean;
}

/** Bytes held for a slow reader before the peer is made to wait. */
const HIGH_WATER = 1 << 20;

/**
 * Connects to a unix stream socket. Bun's own socket rather than `node:net`: loading the latter costs 3 ms, a third of a
 * short command's life. Rejects with `engine-unreachable` (details.reason: the errno's name) when nobody listens.
 */
export async function connectUnix(path: string): Promise<ByteConnection> {
  const connection = new StreamConnection();
  try {
    await Bun.connect({ unix: path, allowHalfOpen: true, socket: handlersOf(connection) });
  } catch (error) {
    throw unreachable(`unix://${path}`, error, { path });
  }
  return connection;
}

/** What Bun calls, told to a connection. */
export function handlersOf(connection: StreamConnection): Bun.SocketHandler<undefined> {
  return {
    open: (socket) => connection.opened(socket),
    data: (_socket, data) => connection.received(data),
    drain: () => connection.drained(),
    end: () => connection.ended(null),
    close: (_socket, error) => connection.closed(error ?? null),
    error: (_socket, error) => connection.closed(error),
  };
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  ECONNREFUSED: 'nobody listens there',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not signed by the authority that was given',
  EACCES: 'only its owner may; use root',
  EPERM: 'it is not allowed',
};

/** The error of a connection that could not be made. */
export function unreachable(url: string, error: unknown, where: Readonly<Record<string, string>>): HullError {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  const why = REASONS[reason] ?? `${messageOf(error)} (${reason})`;
  return new HullError('engine-unreachable', `cannot connect to the engine at ${url}: ${why}`, {
    cause: error,
    details: { reason, ...where },
  });
}

interface RawSocket {
  write(data: Uint8Array): number;
  shutdown(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
}

/** A connection over a socket of Bun's. */
export class StreamConnection implements ByteConnection {
  #socket: RawSocket | null = null;
  readonly #inbox: Uint8Array[] = [];
  #held = 0;
  #paused = false;
  #finished = false;
  #gone = false;
  #failure: Error | null = null;
  #wakeReader: (() => void) | null = null;
  #wakeWriter: (() => void) | null = null;
  #lastWrite: Promise<void> = Promise.resolve();

  get finished(): boolean {
    return this.#finished;
  }

  opened(socket: RawSocket): void {
    this.#socket = socket;
  }

  received(data: Uint8Array): void {
    this.#inbox.push(data);
    this.#held += data.byteLength;
    if (this.#held > HIGH_WATER && !this.#paused) {
      this.#paused = true;
      this.#socket?.pause();
    }
    this.#wakeReader?.();
  }

  drained(): void {
    this.#wakeWriter?.();
  }

  ended(error: Error | null): void {
    this.#finished = true;
    this.#failure ??= error;
    this.#wakeReader?.();
  }

  closed(error: Error | null): void {
    this.#gone = true;
    this.ended(error);
    this.#wakeWriter?.();
  }

  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const data = this.#inbox.shift();
      if (data !== undefined) return this.#release(data);
      if (this.#failure !== null) throw this.#failure;
      if (this.#finished) return null;
      await new Promise<void>((resolve) => (this.#wakeReader = resolve));
      this.#wakeReader = null;
    }
  }

  #release(data: Uint8Array): Uint8Array {
    this.#held -= data.byteLength;
    if (this.#paused && this.#held < HIGH_WATER / 2) {
      this.#paused = false;
      this.#socket?.resume();
    }
    return data;
  }

  write(data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    const previous = this.#lastWrite;
    const mine = previous.then(() => this.#send(bytes));
    // The caller gets the rejection; the chain must go on without it.
    this.#lastWrite = mine.catch(() => undefined);
    return mine;
  }

  async #send(bytes: Uint8Array): Promise<void> {
    let sent = 0;
    while (sent < bytes.byteLength) {
      if (this.#gone || this.#socket === null) throw this.#failure ?? new Error('the connection is closed');
      sent += Math.max(0, this.#socket.write(bytes.subarray(sent)));
      if (sent >= bytes.byteLength) return;
      await new Promise<void>((resolve) => (this.#wakeWriter = resolve));
      this.#wakeWriter = null;
    }
  }

  async end(): Promise<void> {
    await this.#lastWrite;
    if (!this.#gone) this.#socket?.shutdown();
  }

  close(): void {
    this.#socket?.terminate();
    this.closed(null);
  }
}
