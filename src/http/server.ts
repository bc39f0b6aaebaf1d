import { chmod } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ERROR_CODE_HEADER } from '../../api/docker.ts';
import { NATIVE_PREFIX } from '../../api/native.ts';
import type { EngineApi } from '../engine/api.ts';
import { HullError, toHullError } from '../model/errors.ts';
import { dockerRoutes } from './docker/routes.ts';
import { Exchange } from './exchange.ts';
import { nativeRoutes } from './native/routes.ts';
import { toNativeError } from './native/errors.ts';
import { PlainResponder, UpgradeResponder } from './responder.ts';
import type { Responder } from './responder.ts';
import { Router, splitVersion } from './router.ts';
import { httpStatus } from './status.ts';
import { clearStaleSocket } from './unix-socket.ts';

export interface ServerOptions {
  readonly engine: EngineApi;
  readonly socketPath: string;
  /** Receives one line per request and per defect. */
  readonly log?: (level: 'debug' | 'error', line: string) => void;
}

export interface Server {
  /** Listens; removes a stale socket first. Throws `wrong-state` when another daemon answers there. */
  listen(): Promise<void>;
  /** Stops accepting and ends every connection. */
  close(): Promise<void>;
}

/** Milliseconds that answers in the making have when the server closes. */
const GRACE = 250;

/** The HTTP API over an engine: Docker's and the native one, on a unix socket that only its owner may open. */
export function createServer(options: ServerOptions): Server {
  const dispatcher = new Dispatcher(options);
  const http = createHttpServer({ keepAliveTimeout: 0, requestTimeout: 0 });
  const upgraded = new Set<Duplex>();
  // Waits, events and logs are silent for as long as they like.
  http.timeout = 0;
  http.headersTimeout = 0;
  http.on('request', (request, response) => {
    void dispatcher.dispatch(request, new PlainResponder(request, response));
  });
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
    void dispatcher.dispatch(request, new UpgradeResponder(socket, head));
  });
  return {
    listen: () => listen(http, options.socketPath),
    close: async () => {
      const closed = new Promise<void>((resolve) => void http.close(() => resolve()));
      // The answer to the request that ends the daemon is still on its way.
      await Promise.race([dispatcher.idle(), sleep(GRACE)]);
      for (const socket of upgraded) socket.destroy();
      http.closeAllConnections();
      await closed;
    },
  };
}

async function listen(http: HttpServer, socketPath: string): Promise<void> {
  await clearStaleSocket(socketPath);
  const umask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      http.once('error', reject);
      http.listen(socketPath, resolve);
    });
  } finally {
    process.umask(umask);
  }
  await chmod(socketPath, 0o600);
}

/** Takes requests to their handlers, and what handlers throw to the client. */
class Dispatcher {
  readonly #engine: EngineApi;
  readonly #log: NonNullable<ServerOptions['log']>;
  readonly #router = new Router([...dockerRoutes, ...nativeRoutes]);
  readonly #active = new Set<Promise<void>>();
  #sequence = 0;

  constructor(options: ServerOptions) {
    this.#engine = options.engine;
    this.#log = options.log ?? (() => undefined);
  }

  /** Resolves when every request that is there now has its answer. */
  async idle(): Promise<void> {
    await Promise.all(this.#active);
  }

  /** Never rejects. */
  async dispatch(request: IncomingMessage, responder: Responder): Promise<void> {
    const work = this.#answer(request, responder);
    this.#active.add(work);
    await work;
    this.#active.delete(work);
  }

  async #answer(request: IncomingMessage, responder: Responder): Promise<void> {
    const id = (this.#sequence++).toString(36);
    const method = request.method ?? 'GET';
    const url = request.url ?? '/';
    this.#log('debug', `request ${id}: ${method} ${url}`);
    const split = url.indexOf('?');
    const rawPath = split === -1 ? url : url.slice(0, split);
    const search = split === -1 ? '' : url.slice(split + 1);
    let exchange = new Exchange(request, responder, { id, path: rawPath, search, params: {}, apiMinor: 0 });
    try {
      const { path, apiMinor } = splitVersion(rawPath);
      const match = this.#router.find(method, path);
      // In the words of Docker's daemon, which clients compare.
      if (match === null) throw new HullError('path-not-found', 'page not found');
      exchange = new Exchange(request, responder, { id, path, search, params: match.params, apiMinor });
      await match.handler(this.#engine, exchange);
    } catch (error) {
      this.#fail(exchange, error);
    }
  }

  #fail(exchange: Exchange, thrown: unknown): void {
    const error = toHullError(thrown);
    if (error.code === 'internal') {
      this.#log('error', `request ${exchange.id}: ${error.stack ?? error.message}`);
    }
    if (exchange.started) {
      this.#log('debug', `request ${exchange.id}: broken off: ${error.message}`);
      exchange.abort();
      return;
    }
    const status = httpStatus(error);
    const native = exchange.path.startsWith(NATIVE_PREFIX);
    const body = native ? { error: toNativeError(error) } : { message: error.message };
    exchange.send(body, status, { [ERROR_CODE_HEADER]: error.code });
  }
}
