import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectUnix } from '../host/unix-connection.ts';
import { isHullError } from '../model/errors.ts';
import { HttpClient, isUpgraded } from './http-client.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let folder: string;
let path: string;
let server: Server;
let connections: number;
let handler: Handler;
let onUpgrade: (socket: Socket, head: Buffer) => void;
let client: HttpClient;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hull-http-'));
  path = join(folder, 's.sock');
  connections = 0;
  server = createServer((request, response) => handler(request, response));
  server.on('connection', () => (connections += 1));
  server.on('upgrade', (_request, socket: Socket, head: Buffer) => onUpgrade(socket, head));
  await new Promise<void>((resolve) => void server.listen(path, resolve));
  client = new HttpClient(() => connectUnix(path));
});

afterEach(() => {
  client.close();
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

describe('the HTTP client against a real server', () => {
  test('keeps one connection for requests one after the other', async () => {
    handler = (request, response) => response.end(`you asked ${request.method} ${request.url}`);
    for (const name of ['a', 'b', 'c']) {
      const response = await client.request({ method: 'GET', path: `/${name}` });
      expect(await response.text()).toBe(`you asked GET /${name}`);
    }
    expect(connections).toBe(1);
  });

  test('opens another for a request while one is under way', async () => {
    handler = (request, response) => {
      if (request.url === '/slow') response.write('first');
      else response.end('quick');
    };
    const slow = await client.request({ method: 'GET', path: '/slow' });
    expect(await (await client.request({ method: 'GET', path: '/quick' })).text()).toBe('quick');
    expect(slow.status).toBe(200);
    expect(connections).toBe(2);
  });

  test('does not reuse a connection that the server has closed', async () => {
    handler = (_request, response) => response.end('x');
    await (await client.request({ method: 'GET', path: '/' })).text();
    server.closeAllConnections();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await (await client.request({ method: 'GET', path: '/' })).text()).toBe('x');
    expect(connections).toBe(2);
  });

  test('sends JSON with its length, and a stream in chunks', async () => {
    handler = (request, response) => {
      let body = '';
      request.on('data', (data: Buffer) => (body += data.toString()));
      request.on('end', () =>
        response.end(
          JSON.stringify([request.headers['content-length'] ?? request.headers['transfer-encoding'], body]),
        ),
      );
    };
    const fixed = await client.request({ method: 'POST', path: '/', body: '{"ü":1}' });
    expect(JSON.parse(await fixed.text())).toEqual(['8', '{"ü":1}']);
    async function* stream(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('one ');
      yield new Uint8Array();
      yield Buffer.from('two');
    }
    const streamed = await client.request({ method: 'POST', path: '/', body: stream() });
    expect(JSON.parse(await streamed.text())).toEqual(['chunked', 'one two']);
  });

  test('takes an answer that comes before the whole body was sent', async () => {
    handler = (request, response) => {
      request.once('data', () => {
        response.statusCode = 400;
        response.end('enough');
        request.socket.end();
      });
    };
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield new Uint8Array(64 * 1024);
    }
    const response = await client.request({ method: 'POST', path: '/', body: endless() });
    expect([response.status, await response.text()]).toEqual([400, 'enough']);
  });

  test('a big body comes whole through a slow reader', async () => {
    const size = 20 << 20;
    handler = (_request, response) => response.end(Buffer.alloc(size, 7));
    const response = await client.request({ method: 'GET', path: '/' });
    let seen = 0;
    for await (const piece of response.body) {
      seen += piece.byteLength;
      if (seen < 1 << 20) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(seen).toBe(size);
  });

  test('an abort ends a body that never ends', async () => {
    handler = (_request, response) => response.write('tick');
    const controller = new AbortController();
    const response = await client.request({ method: 'GET', path: '/', signal: controller.signal });
    const reading = (async () => {
      for await (const piece of response.body) if (piece.length > 0) controller.abort(new Error('enough'));
    })();
    await expect(reading).rejects.toThrow('enough');
  });

  test('nobody listening is engine-unreachable', async () => {
    const nobody = new HttpClient(() => connectUnix(join(folder, 'none.sock')));
    const failure = await nobody.request({ method: 'GET', path: '/' }).catch((error: unknown) => error);
    expect(isHullError(failure, 'engine-unreachable')).toBe(true);
  });
});

describe('an upgraded connection', () => {
  test('goes on sending after the input has ended, and keeps what came with the head', async () => {
    onUpgrade = (socket) => {
      let input = '';
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly ');
      socket.on('data', (data) => (input += data.toString()));
      socket.on('end', () => setTimeout(() => socket.end(`late ${input.length}`), 30));
    };
    const stream = await client.upgrade({ method: 'POST', path: '/attach' });
    if (!isUpgraded(stream)) throw new Error('it was not upgraded');
    await stream.write(Buffer.alloc(300_000, 'x'));
    await stream.end();
    let output = '';
    for (let data = await stream.read(); data !== null; data = await stream.read())
      output += Buffer.from(data).toString();
    stream.close();
    expect(output).toBe('early late 300000');
  });

  test('a refusal is an answer', async () => {
    onUpgrade = (socket) => socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone');
    const answer = await client.upgrade({ method: 'POST', path: '/attach' });
    if (isUpgraded(answer)) throw new Error('it was upgraded');
    expect([answer.status, await answer.text()]).toEqual([404, 'none']);
  });
});
