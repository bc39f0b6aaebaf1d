import { dlopen, FFIType } from 'bun:ffi';

/** What a connection's owner is told. */
export interface StreamHandler {
  data(data: Uint8Array): void;
  /** The peer sends no more; it may still read. */
  ended(): void;
  /** The kernel has taken everything that was written. */
  drained(): void;
  /** Both directions are gone. The last call. */
  closed(): void;
}

/** A connection that somebody opened to this process. Each direction ends by itself. */
export interface StreamConnection {
  /** Bytes that the kernel has not taken yet: they wait in memory. */
  readonly waiting: number;
  /** Sends, or keeps for later, in order. Small pieces may be held back until `flush` or the end of the event that is being handled. */
  write(data: Uint8Array): void;
  /** Sends what was held back. */
  flush(): void;
  /** No `data` until `resume`; a peer that vanishes meanwhile is noticed within `WATCH_INTERVAL`. */
  pause(): void;
  resume(): void;
  /** Closes the sending direction, after what was written. */
  end(): void;
  /** Closes both directions at once. */
  destroy(): void;
}

/** What a TLS listener shows of itself, and whose clients it lets in: all in PEM. */
export interface MutualTls {
  readonly key: string;
  readonly certificate: string;
  readonly clientAuthority: string;
}

export type StreamAddress =
  { readonly path: string } | { readonly hostname: string; readonly port: number; readonly tls: MutualTls };

export interface StreamListener {
  /** The port that was chosen where 0 was asked for; 0 for a unix socket. */
  readonly port: number;
  /** Accepts nothing more; connections stay. Takes a unix socket's file away. */
  stop(): void;
}

/** Pieces up to this size are put together before they are sent. */
const GATHERED = 64 * 1024;
/** Milliseconds between looks at a paused connection. */
export const WATCH_INTERVAL = 1000;
/** How long a client may take to show its certificate. */
const HANDSHAKE_SECONDS = 10;

/**
 * Listens on a unix socket or on TCP with mutual TLS. Bun's own listener rather than `node:net`: a new connection costs a quarter, and it
 * ends each direction by itself, also under TLS. `accept` is called for each connection; under TLS after its client has shown a certificate
 * that `clientAuthority` signed.
 */
export function listenStreams(
  address: StreamAddress,
  accept: (connection: StreamConnection) => StreamHandler,
): StreamListener {
  const watch = new HangUpWatch();
  const secure = 'tls' in address;
  const socket: Bun.SocketHandler<Accepted> = {
    open: (raw) => {
      raw.data = new Accepted(raw, watch);
      // Else Bun tells of every connection that was silent for two minutes; those who attach and wait may be so for days.
      raw.timeout(secure ? HANDSHAKE_SECONDS : 0);
      if (!secure) raw.data.begin(accept);
    },
    handshake: (raw, success) => {
      raw.timeout(0);
      if (success && raw.authorized) raw.data.begin(accept);
      else raw.data.destroy();
    },
    timeout: (raw) => raw.data.destroy(),
    data: (raw, data) => raw.data.received(data),
    drain: (raw) => raw.data.flush(),
    end: (raw) => raw.data.peerEnded(),
    close: (raw) => raw.data.gone(),
    error: (raw, error) => {
      raw.data.destroy();
      // What the network did has a code; the rest was thrown by a handler, and is told as every exception that nobody caught.
      if (!('code' in error))
        queueMicrotask(() => {
          throw error;
        });
    },
  };
  const listener = secure
    ? Bun.listen<Accepted>({
        hostname: address.hostname,
        port: address.port,
        allowHalfOpen: true,
        tls: {
          key: address.tls.key,
          cert: address.tls.certificate,
          ca: address.tls.clientAuthority,
          requestCert: true,
          rejectUnauthorized: true,
        },
        socket,
      })
    : Bun.listen<Accepted>({ unix: address.path, allowHalfOpen: true, socket });
  return {
    port: secure ? (listener as Bun.TCPSocketListener<Accepted>).port : 0,
    stop: () => listener.stop(),
  };
}

const NOBODY: StreamHandler = {
  data: () => undefined,
  ended: () => undefined,
  drained: () => undefined,
  closed: () => undefined,
};

class Accepted implements StreamConnection {
  readonly #raw: Bun.Socket<Accepted>;
  readonly #watch: HangUpWatch;
  #handler: StreamHandler = NOBODY;
  #pieces: Uint8Array[] = [];
  #waiting = 0;
  /** The kernel is full: `drain` will tell. */
  #blocked = false;
  #scheduled = false;
  #ending = false;
  #ended = false;
  #peerEnded = false;
  #gone = false;

  constructor(raw: Bun.Socket<Accepted>, watch: HangUpWatch) {
    this.#raw = raw;
    this.#watch = watch;
  }

  begin(accept: (connection: StreamConnection) => StreamHandler): void {
    this.#handler = accept(this);
  }

  get waiting(): number {
    return this.#waiting;
  }

  write(data: Uint8Array): void {
    if (this.#gone || this.#ending || data.byteLength === 0) return;
    this.#pieces.push(data);
    this.#waiting += data.byteLength;
    if (this.#blocked) return;
    if (this.#waiting >= GATHERED) this.flush();
    else this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      if (!this.#blocked) this.flush();
    });
  }

  flush(): void {
    if (this.#gone) return;
    this.#blocked = false;
    while (this.#pieces.length > 0) {
      const piece = this.#gather();
      const sent = this.#raw.write(piece);
      if (sent > 0) this.#waiting -= sent;
      if (sent < piece.byteLength) {
        this.#pieces.unshift(sent > 0 ? piece.subarray(sent) : piece);
        this.#blocked = true;
        return;
      }
    }
    this.#finishSending();
    this.#handler.drained();
  }

  /** Takes the first pieces from the queue, as one: a frame's header should not cost a call of its own. */
  #gather(): Uint8Array {
    let count = 0;
    let size = 0;
    for (const piece of this.#pieces) {
      if (count > 0 && size + piece.byteLength > 4 * GATHERED) break;
      size += piece.byteLength;
      count += 1;
    }
    const taken = this.#pieces.splice(0, count);
    const [first] = taken;
    return count === 1 && first !== undefined ? first : Buffer.concat(taken, size);
  }

  pause(): void {
    if (this.#gone) return;
    this.#raw.pause();
    this.#watch.add(this, this.#raw);
  }

  resume(): void {
    this.#watch.remove(this);
    if (!this.#gone) this.#raw.resume();
  }

  end(): void {
    if (this.#gone || this.#ending) return;
    this.#ending = true;
    if (!this.#blocked) this.flush();
  }

  #finishSending(): void {
    if (!this.#ending || this.#ended) return;
    this.#ended = true;
    if (this.#peerEnded) this.#raw.end();
    else this.#raw.shutdown();
  }

  destroy(): void {
    if (this.#gone) return;
    // Polite where nothing is lost by it: a reset would take from the client what it has not read yet.
    if (this.#waiting === 0) this.#raw.end();
    else this.#raw.terminate();
    this.gone();
  }

  received(data: Uint8Array): void {
    this.#handler.data(data);
  }

  peerEnded(): void {
    if (this.#gone) return;
    this.#peerEnded = true;
    this.#handler.ended();
    if (this.#ended) this.#raw.end();
  }

  gone(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#pieces = [];
    this.#waiting = 0;
    this.#watch.remove(this);
    this.#handler.closed();
  }
}

const POLLERR = 0x8;
const POLLHUP = 0x10;

/** The event loop does not look at paused sockets at all: their peers could vanish unseen. */
class HangUpWatch {
  readonly #paused = new Map<Accepted, number>();
  #poll: ((struct: Uint8Array) => number) | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;

  add(connection: Accepted, raw: Bun.Socket<Accepted>): void {
    // Its types leave the descriptor out.
    const { fd } = raw as unknown as { readonly fd?: number };
    if (fd === undefined || fd < 0) return;
    this.#paused.set(connection, fd);
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => this.#look(), WATCH_INTERVAL);
    this.#timer.unref();
  }

  remove(connection: Accepted): void {
    if (!this.#paused.delete(connection) || this.#paused.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #look(): void {
    this.#poll ??= openPoll();
    const struct = new Uint8Array(8);
    const view = new DataView(struct.buffer);
    for (const [connection, fd] of this.#paused) {
      view.setInt32(0, fd, true);
      view.setInt32(4, 0, true);
      if (this.#poll(struct) > 0 && (view.getInt16(6, true) & (POLLERR | POLLHUP)) !== 0) {
        connection.destroy();
      }
    }
  }
}

/** poll(2) of one `struct pollfd`, without waiting. */
function openPoll(): (struct: Uint8Array) => number {
  const { symbols } = dlopen('libc.so.6', {
    poll: { args: [FFIType.pointer, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
  });
  return (struct) => symbols.poll(struct, 1, 0);
}
