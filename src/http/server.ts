import { chmodSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  listenStreams,
  type MutualTls,
  type StreamConnection,
  type StreamHandler,
  type StreamListener,
} from '../host/stream-server.ts';
import type { EngineApi } from '../engine/api.ts';
import { hostAndPort, type TcpAddress } from '../lib/tcp-address.ts';
import { HullError, messageOf } from '../model/errors.ts';
import { Dispatcher } from './dispatcher.ts';
import { HostCheck } from './host-check.ts';
import { clearStaleSocket } from './unix-socket.ts';
import { HttpConnection } from './wire/http-connection.ts';
import { HttpDate } from './wire/response-head.ts';

export interface ServerOptions {
  readonly engine: EngineApi;
  readonly socketPath: string;
  /** Also on TCP, for clients with a certificate. */
  readonly tcp?: readonly TcpOptions[];
  /** Receives one line per request and per defect. */
  readonly log?: (level: 'debug' | 'error', line: string) => void;
}

export interface TcpOptions extends TcpAddress {
  readonly tls: MutualTls;
  /** Names that clients may ask for besides the address. */
  readonly allowedHosts: readonly string[];
}

export interface Server {
  /**
   * Listens; removes a stale socket first. Throws `wrong-state` when another daemon answers there, `port-in-use`, and `invalid-argument` for
   * certificates that cannot be used.
   */
  listen(): Promise<void>;
  /** The ports of `tcp` while it listens. */
  readonly ports: readonly number[];
  /** Stops accepting and ends every connection. */
  close(): Promise<void>;
}

/** Milliseconds that answers in the making have when the server closes. */
const GRACE = 250;

/** Milliseconds that a client on TCP has for a request's head. */
const HEAD_TIME = 20_000;

/** The HTTP API over an engine: Docker's and the native one, on a unix socket that only its owner may open, and on TCP where asked for. */
export function createServer(options: ServerOptions): Server {
  return new ApiServer(options);
}

class ApiServer implements Server {
  readonly #options: ServerOptions;
  readonly #dispatcher: Dispatcher;
  readonly #date = new HttpDate();
  readonly #connections = new Set<HttpConnection>();
  #listeners: StreamListener[] = [];

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#dispatcher = new Dispatcher(options.engine, options.log);
  }

  get ports(): readonly number[] {
    return this.#listeners.map(({ port }) => port).filter((port) => port !== 0);
  }

  async listen(): Promise<void> {
    const { socketPath, tcp = [] } = this.#options;
    await clearStaleSocket(socketPath);
    const umask = process.umask(0o177);
    try {
      this.#listeners.push(listenStreams({ path: socketPath }, (stream) => this.#accept(stream, null)));
    } finally {
      process.umask(umask);
    }
    chmodSync(socketPath, 0o600);
    try {
      for (const one of tcp) this.#listeners.push(this.#listenTcp(one));
    } catch (error) {
      this.#stop();
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#listeners.length === 0) return;
    this.#stop();
    // The answer to the request that ends the daemon is still on its way.
    await Promise.race([this.#dispatcher.idle(), sleep(GRACE)]);
    for (const connection of this.#connections) connection.destroy();
  }

  #stop(): void {
    for (const listener of this.#listeners) listener.stop();
    this.#listeners = [];
    rmSync(this.#options.socketPath, { force: true });
  }

  #listenTcp(options: TcpOptions): StreamListener {
    const check = new HostCheck(options.hostname, options.allowedHosts);
    try {
      return listenStreams(options, (stream) => this.#accept(stream, check));
    } catch (error) {
      const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
      const what = `cannot listen on tcp://${hostAndPort(options)}: ${messageOf(error)}`;
      throw new HullError(taken ? 'port-in-use' : 'invalid-argument', what, { cause: error });
    }
  }

  #accept(stream: StreamConnection, check: HostCheck | null): StreamHandler {
    const connection: HttpConnection = new HttpConnection(stream, {
      serve: (request, responder) => this.#dispatcher.dispatch(request, responder, check),
      date: this.#date,
      headTime: check === null ? 0 : HEAD_TIME,
      closed: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
    return connection;
  }
}
