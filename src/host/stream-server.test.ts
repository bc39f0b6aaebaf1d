import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectNodeTls } from 'node:tls';
import {
  listenStreams,
  WATCH_INTERVAL,
  type StreamAddress,
  type StreamConnection,
  type StreamListener,
} from './stream-server.ts';
import { isHullError } from '../model/errors.ts';
import { Certificates } from './testing/certificates.ts';
import { connectTls } from './tls-connection.ts';

/** How long a connection may be silent: Bun's own limit is two minutes, so this is worth its time when that code changes (HULL_SILENCE=130). */
const SILENCE = Number(process.env['HULL_SILENCE'] ?? 0);

let folder: string;
let listener: StreamListener | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hull-streams-'));
});
afterEach(() => {
  listener?.stop();
  listener = null;
  rmSync(folder, { recursive: true, force: true });
});

/** What the server's side of one connection has seen, and the connection. */
class Seen {
  received = '';
  size = 0;
  events: string[] = [];
  stream: StreamConnection | null = null;
}

function serve(address: StreamAddress, onData: (seen: Seen, text: string) => void = () => undefined): Seen {
  const seen = new Seen();
  listener = listenStreams(address, (stream) => {
    seen.stream = stream;
    seen.events.push('open');
    return {
      data: (data) => {
        seen.size += data.byteLength;
        const text = data.byteLength < 1000 ? Buffer.from(data).toString() : '';
        seen.received += text;
        onData(seen, text);
      },
      ended: () => seen.events.push('ended'),
      drained: () => undefined,
      closed: () => seen.events.push('closed'),
    };
  });
  return seen;
}

const path = (): string => join(folder, 's');
const dial = (): Socket => connect({ path: path(), allowHalfOpen: true });

async function eventually(condition: () => boolean, time = 20_000): Promise<void> {
  const deadline = Date.now() + time;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not come about');
    await Bun.sleep(5);
  }
}

async function readAll(socket: Socket): Promise<number> {
  let size = 0;
  for await (const data of socket) size += (data as Buffer).length;
  return size;
}

describe('a unix socket', () => {
  test('each direction ends by itself', async () => {
    const seen = serve({ path: path() });
    const client = dial();
    client.end('hello');
    await eventually(() => seen.events.includes('ended'));
    expect(seen.received).toBe('hello');
    expect(seen.events).toEqual(['open', 'ended']);
    seen.stream?.write(Buffer.from('answer'));
    seen.stream?.end();
    expect(await readAll(client)).toBe(6);
    await eventually(() => seen.events.includes('closed'));
  });

  test('the server ends first and reads on', async () => {
    const seen = serve({ path: path() }, (each, text) => {
      if (text === 'first') each.stream?.end();
    });
    const client = dial();
    client.write('first');
    client.resume();
    await new Promise((resolve) => client.once('end', resolve));
    client.end('second');
    await eventually(() => seen.events.includes('closed'));
    expect(seen.received).toBe('firstsecond');
  });

  test('what the kernel does not take waits, in its order, and goes out before the end', async () => {
    const seen = serve({ path: path() });
    const client = dial();
    client.pause();
    await eventually(() => seen.stream !== null);
    for (let count = 0; count < 5000; count++) seen.stream?.write(Buffer.alloc(count % 1000, count & 0xff));
    seen.stream?.end();
    expect(seen.stream?.waiting).toBeGreaterThan(100_000);
    let expected = 0;
    let wrong = 0;
    const stream = client[Symbol.asyncIterator]();
    const order = (function* () {
      for (let count = 0; count < 5000; count++) for (let i = 0; i < count % 1000; i++) yield count & 0xff;
    })();
    for (let next = await stream.next(); next.done !== true; next = await stream.next()) {
      for (const byte of next.value as Buffer) {
        expected += 1;
        if (order.next().value !== byte) wrong += 1;
      }
    }
    expect([expected, wrong]).toEqual([5 * 499_500, 0]);
    expect(seen.stream?.waiting).toBe(0);
    client.end();
  });

  test('a peer that vanishes while it is made to wait is noticed', async () => {
    const seen = serve({ path: path() }, (each) => each.stream?.pause());
    const client = dial();
    client.write('x');
    await eventually(() => seen.received === 'x');
    client.write('more');
    await Bun.sleep(20);
    expect(seen.events).toEqual(['open']);
    client.destroy();
    await eventually(() => seen.events.includes('closed'), 3 * WATCH_INTERVAL);
  });

  test('one that only waits is left alone, and what it sent comes afterwards', async () => {
    const seen = serve({ path: path() }, (each, text) => {
      if (text === 'x') each.stream?.pause();
    });
    const client = dial();
    client.write('x');
    await eventually(() => seen.received === 'x');
    client.end('more');
    await Bun.sleep(WATCH_INTERVAL * 1.5);
    expect(seen.events).toEqual(['open']);
    seen.stream?.resume();
    await eventually(() => seen.events.includes('ended'));
    expect(seen.received).toBe('xmore');
    seen.stream?.destroy();
  });

  test('destroying leaves no descriptor', async () => {
    const count = () => readdirSync('/proc/self/fd').length;
    const before = count();
    const seen = serve({ path: path() });
    const clients = Array.from({ length: 5 }, () => dial());
    await eventually(() => seen.events.length === 5);
    seen.stream?.destroy();
    for (const client of clients) client.destroy();
    listener?.stop();
    await eventually(() => count() <= before);
    expect(seen.events.filter((event) => event === 'closed')).toHaveLength(5);
  });
});

describe('TCP', () => {
  let certificates: Certificates;
  beforeEach(() => {
    certificates = new Certificates(folder);
  });
  const pem = (name: string): string => certificates.read(name);
  const listen = (onData?: (seen: Seen, text: string) => void): Seen => {
    const tls = { key: pem('server.key'), certificate: pem('server.pem'), clientAuthority: pem('ca.pem') };
    return serve({ hostname: '127.0.0.1', port: 0, tls }, onData);
  };
  const port = (): number => listener?.port ?? 0;

  test('a client with a certificate: both directions, each ends by itself', async () => {
    const seen = listen();
    const client = connectNodeTls({
      host: '127.0.0.1',
      port: port(),
      ca: pem('ca.pem'),
      cert: pem('cert.pem'),
      key: pem('key.pem'),
      checkServerIdentity: () => undefined,
      allowHalfOpen: true,
    } as Parameters<typeof connectNodeTls>[0]);
    client.end('hello');
    await eventually(() => seen.events.includes('ended'));
    expect(seen.received).toBe('hello');
    seen.stream?.write(Buffer.alloc(3_000_000));
    seen.stream?.end();
    expect(await readAll(client)).toBe(3_000_000);
    await eventually(() => seen.events.includes('closed'));
  });

  test('our own client: it checks whom it speaks to', async () => {
    const seen = listen();
    const target = {
      hostname: '127.0.0.1',
      port: port(),
      authority: pem('ca.pem'),
      certificate: pem('cert.pem'),
      key: pem('key.pem'),
    };
    const client = await connectTls(target);
    await client.write('hello');
    await client.end();
    await eventually(() => seen.events.includes('ended'));
    seen.stream?.write(Buffer.alloc(2_000_000));
    seen.stream?.end();
    let size = 0;
    for (let data = await client.read(); data !== null; data = await client.read()) size += data.byteLength;
    expect([seen.received, size]).toEqual(['hello', 2_000_000]);
    client.close();
    const refusals = [{ authority: pem('other.pem') }, { hostname: '127.0.0.2' }, { port: 1 }];
    for (const wrong of refusals) {
      const refusal = await connectTls({ ...target, ...wrong }).catch((error: unknown) => error);
      expect(isHullError(refusal, 'engine-unreachable')).toBe(true);
    }
  });

  test('without one, or with a stranger’s, nobody is told of the connection', async () => {
    const seen = listen();
    for (const identity of [{}, { cert: pem('stranger.pem'), key: pem('stranger.key') }]) {
      const client = connectNodeTls({
        host: '127.0.0.1',
        port: port(),
        ca: pem('ca.pem'),
        checkServerIdentity: () => undefined,
        ...identity,
      });
      client.on('error', () => undefined);
      client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await new Promise((resolve) => client.once('close', resolve));
    }
    const plain = connect(port(), '127.0.0.1');
    plain.on('error', () => undefined);
    plain.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => plain.once('close', resolve));
    expect(seen.events).toEqual([]);
  });
});

test.skipIf(SILENCE === 0)(
  'a silent connection stays',
  async () => {
    const path = join(folder, 's');
    const seen = serve({ path });
    const client = connect({ path, allowHalfOpen: true });
    await new Promise((resolve) => client.once('connect', resolve));
    client.end();
    await Bun.sleep(SILENCE * 1000);
    expect(seen.events).toEqual(['open', 'ended']);
    client.destroy();
  },
  SILENCE * 1000 + 5000,
);
