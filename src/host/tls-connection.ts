import { checkServerIdentity } from 'node:tls';
import { hostAndPort, type TcpAddress } from '../lib/tcp-address.ts';
import { type ByteConnection, StreamConnection, handlersOf, unreachable } from './unix-connection.ts';

/** Where a daemon listens on TCP, and what both sides show each other: all in PEM. */
export interface TlsTarget extends TcpAddress {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** Connects over TLS; both sides show a certificate, and the server's must name `hostname`. Rejects with `engine-unreachable`. */
export async function connectTls(target: TlsTarget): Promise<ByteConnection> {
  const connection = new StreamConnection();
  const { hostname, port } = target;
  const url = `tcp://${hostAndPort(target)}`;
  const shaken = Promise.withResolvers<void>();
  // Nobody waits for it where connecting itself fails.
  shaken.promise.catch(() => undefined);
  const handlers = handlersOf(connection);
  try {
    const socket = await Bun.connect({
      hostname,
      port,
      allowHalfOpen: true,
      tls: {
        ca: target.authority,
        cert: target.certificate,
        key: target.key,
        rejectUnauthorized: true,
        serverName: hostname,
      },
      socket: {
        ...handlers,
        handshake: (_socket, success, error) => {
          if (success && error === null) shaken.resolve();
          else shaken.reject(error ?? new Error('the TLS handshake failed'));
        },
        close: (closed, error) => {
          shaken.reject(error ?? new Error('the server closed the connection'));
          return handlers.close?.(closed, error);
        },
      },
    });
    await shaken.promise;
    const wrong = checkServerIdentity(hostname, socket.getPeerCertificate());
    if (wrong !== undefined) throw wrong;
  } catch (error) {
    connection.close();
    throw unreachable(url, error, { url });
  }
  return connection;
}
