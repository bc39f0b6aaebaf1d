import { afterEach, describe, expect, test } from 'bun:test';
import { createServer, type Server, type Socket } from 'node:net';
import { createTransport } from './transport.ts';

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd';
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that answers each request of a connection as `answer` says, and counts connections. */
async function serve(
  answer: (socket: Socket, request: number) => void,
): Promise<{ url: URL; connections: () => number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    let requests = 0;
    socket.on('error', () => undefined);
    socket.on('data', () => answer(socket, ++requests));
  });
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { url: new URL(`http://127.0.0.1:${port}/v2/`), connections: () => connections };
}

describe('connections to a registry', () => {
  const send = createTransport();
  const get = async (url: URL, method: 'GET' | 'POST' = 'GET'): Promise<string> => {
    const { body } = await send({ method, url }, {});
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };

  test('are kept from one request to the next', async () => {
    const { url, connections } = await serve((socket) => void socket.write(ANSWER));
    for (let each = 0; each < 5; each += 1) expect(await get(url)).toBe('abcd');
    expect(connections()).toBe(1);
  });

  test('that the server closes as the next request comes are made anew', async () => {
    const { url } = await serve((socket, request) => {
      if (request === 1) socket.write(ANSWER);
      else socket.destroy();
    });
    for (let each = 0; each < 4; each += 1) expect(await get(url)).toBe('abcd');
  });

  test('are new for what must not be done twice', async () => {
    const { url, connections } = await serve((socket, request) => {
      if (request === 1) socket.write(ANSWER);
      else socket.destroy();
    });
    expect(await get(url)).toBe('abcd');
    expect(await get(url, 'POST')).toBe('abcd');
    expect(connections()).toBe(2);
  });
});
