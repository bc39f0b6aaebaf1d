import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { readdirSync, readFileSync } from 'node:fs';
import { TestEngine } from '../support/engine.ts';
import { Peer, UPGRADE } from './support/peer.ts';
import { RawHttp } from './support/raw-http.ts';

/** Streams through a real engine, with clients that behave as they like. */
const engine = new TestEngine({ watched: true });
const http = new RawHttp(engine.socket);
let daemon = 0;

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
  daemon = Number(readFileSync(`${engine.folder}/data/daemon.pid`, 'utf8'));
}, 60_000);
afterAll(() => engine.destroy(), 60_000);

const descriptors = (): number => readdirSync(`/proc/${daemon}/fd`).length;
const resident = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon}/status`, 'utf8'))?.[1]) / 1024;

async function eventually(condition: () => boolean, time = 25_000): Promise<void> {
  const deadline = Date.now() + time;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not come about');
    await Bun.sleep(10);
  }
}

async function create(args: readonly string[], more: object = {}): Promise<string> {
  const answer = await http.json('POST', '/containers/create', { Image: 'busybox', Cmd: args, ...more });
  return (JSON.parse(answer.text.slice(answer.text.indexOf('\r\n\r\n'))) as { Id: string }).Id;
}

describe('a connection that is taken over', () => {
  test.each([
    ['upgraded', UPGRADE, '101 UPGRADED'],
    ['bare', [], '200 OK'],
  ])('%s: exec with input that ends, and output after that', async (_title, headers: string[], status) => {
    const id = await create(['sleep', '100']);
    await http.request('POST', `/containers/${id}/start`);
    const command = ['sh', '-c', 'cat; sleep 0.2; echo after'];
    const made = await http.json('POST', `/containers/${id}/exec`, {
      Cmd: command,
      AttachStdin: true,
      AttachStdout: true,
    });
    const exec = (JSON.parse(made.text.slice(made.text.indexOf('\r\n\r\n'))) as { Id: string }).Id;
    const peer = new Peer(engine.socket);
    peer.ask('POST', `/exec/${exec}/start`, '{"Detach":false,"Tty":false}', headers);
    await eventually(() => peer.text.includes('\r\n\r\n'));
    expect(peer.text).toContain(status);
    peer.socket.end('GET / HTTP/1.1\r\n\r\n');
    await eventually(() => peer.closed);
    expect(peer.text).toContain('\x01\0\0\0\0\0\0\x12GET / HTTP/1.1\r\n\r\n');
    expect(peer.text).toEndWith('\x01\0\0\0\0\0\0\x06after\n');
    await http.request('DELETE', `/containers/${id}?force=1`);
  });

  test('whose client vanishes while the workload takes no input: nothing is kept', async () => {
    const id = await create(['sleep', '100'], { OpenStdin: true });
    await http.request('POST', `/containers/${id}/start`);
    const before = descriptors();
    for (let count = 0; count < 5; count++) {
      const peer = new Peer(engine.socket);
      peer.ask('POST', `/containers/${id}/attach?stream=1&stdin=1&stdout=1`, '', UPGRADE);
      await eventually(() => peer.text.includes('101'));
      // More than everybody on the way can hold.
      peer.socket.write(Buffer.alloc(4_000_000));
      await Bun.sleep(50);
      peer.socket.destroy();
    }
    await eventually(() => descriptors() <= before);
    await http.request('DELETE', `/containers/${id}?force=1`);
  }, 60_000);
});

describe('a client that does not read', () => {
  test.each(['attach', 'logs'])(
    '%s: the workload waits or its log does, the daemon stays small',
    async (kind) => {
      const id = await create(['dd', 'if=/dev/zero', 'bs=1M', 'count=400']);
      const before = resident();
      const peer = new Peer(engine.socket);
      if (kind === 'attach') peer.ask('POST', `/containers/${id}/attach?stream=1&stdout=1`, '', UPGRADE);
      else peer.ask('GET', `/containers/${id}/logs?stdout=1&follow=1`);
      if (kind === 'attach') await eventually(() => peer.text.includes('101'));
      peer.socket.pause();
      await http.request('POST', `/containers/${id}/start`);
      let most = 0;
      for (let count = 0; count < 20; count++) {
        await Bun.sleep(50);
        most = Math.max(most, resident());
      }
      expect(most - before).toBeLessThan(30);
      peer.socket.destroy();
      await http.request('DELETE', `/containers/${id}?force=1`);
    },
    60_000,
  );
});

test('bytes that are nearly requests are answered, or the connection ends, and the engine is unharmed', async () => {
  const before = descriptors();
  const piece = fc.oneof(
    fc.constantFrom(
      'GET /_ping HTTP/1.1\r\n',
      'POST /containers/create HTTP/1.1\r\n',
      'HEAD /_ping HTTP/1.0\r\n',
    ),
    fc.constantFrom(
      'Host: x\r\n',
      '\r\n',
      'Content-Length: 3\r\n',
      'Transfer-Encoding: chunked\r\n',
      '{}',
      '1\r\na\r\n',
    ),
    fc.constantFrom(
      '0\r\n\r\n',
      'Connection: Upgrade\r\nUpgrade: tcp\r\n',
      'Expect: 100-continue\r\n',
      ' ',
      '\0',
      '\n',
    ),
    fc.string({ maxLength: 6 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 20 }), fc.boolean(), async (pieces, vanishes) => {
      const peer = new Peer(engine.socket);
      for (const text of pieces) peer.socket.write(text, 'latin1');
      if (vanishes) {
        peer.socket.destroy();
        return;
      }
      peer.socket.end();
      await eventually(() => peer.closed);
      if (peer.text !== '') expect(peer.text).toMatch(/^HTTP\/1\.1 \d{3} /);
    }),
    { numRuns: 300 },
  );
  expect((await http.request('GET', '/_ping')).status).toBe(200);
  await eventually(() => descriptors() <= before);
  expect(readFileSync(engine.logPath, 'utf8')).not.toMatch(/internal|TypeError|defect/);
}, 30_000);
