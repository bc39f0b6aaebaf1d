import { chmodSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { listenStreams, type StreamConnection, type StreamListener } from '../host/stream-server.ts';
import type { EngineApi } from '../engine/api.ts';
import { Dispatcher } from './dispatcher.ts';
import { clearStaleSocket } from './unix-socket.ts';
import { HttpConnection } from './wire/http-connection.ts';
import { HttpDate } from './wire/response-head.ts';

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
  const dispatcher = new Dispatcher(options.engine, options.log);
  const connections = new Set<HttpConnection>();
  const date = new HttpDate();
  let listener: StreamListener | null = null;
  const accept = (stream: StreamConnection): HttpConnection => {
    const connection: HttpConnection = new HttpConnection(stream, {
      serve: (request, responder) => dispatcher.dispatch(request, responder),
      date,
      headTime: 0,
      closed: () => connections.delete(connection),
    });
    connections.add(connection);
    return connection;
  };
  return {
    listen: async () => {
      await clearStaleSocket(options.socketPath);
      const umask = process.umask(0o177);
      try {
        listener = listenStreams({ path: options.socketPath }, accept);
      } finally {
        process.umask(umask);
      }
      chmodSync(options.socketPath, 0o600);
    },
    close: async () => {
      if (listener === null) return;
      listener.stop();
      listener = null;
      rmSync(options.socketPath, { force: true });
      // The answer to the request that ends the daemon is still on its way.
      await Promise.race([dispatcher.idle(), sleep(GRACE)]);
      for (const connection of connections) connection.destroy();
    },
  };
}
