import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';
import { Peer, UPGRADE } from './support/peer.ts';
import { RawHttp } from './support/raw-http.ts';

/** The order that clients rely on: all output, then the exit on record, then the end of the stream and the answer to those who wait. */
const engine = new TestEngine();
const http = new RawHttp(engine.socket);

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
  await engine.must(['run', '-d', '--name', 'base', 'busybox', 'sleep', '1000']);
}, 60_000);
afterAll(() => engine.destroy(), 60_000);

const became = (what: string, is: () => boolean): Promise<true> =>
  until(what, () => Promise.resolve(is() ? true : null));

/** The object that an answer brings, in chunks or not. */
const body = (text: string): unknown => JSON.parse(/\{[^]*\}/.exec(text)?.[0] ?? 'null');

async function create(command: readonly string[], more: object = {}): Promise<string> {
  const { text } = await http.json('POST', '/containers/create', { Image: 'busybox', Cmd: command, ...more });
  return (body(text) as { Id: string }).Id;
}

async function state(id: string): Promise<{ Running: boolean; ExitCode: number; Status: string }> {
  const { text } = await http.request('GET', `/containers/${id}/json`);
  return (body(text) as { State: { Running: boolean; ExitCode: number; Status: string } }).State;
}

async function attached(id: string): Promise<Peer> {
  const peer = new Peer(engine.socket);
  peer.ask('POST', `/containers/${id}/attach?stream=1&stdin=1&stdout=1&stderr=1`, '', UPGRADE);
  await became('the connection is taken over', () => peer.text.includes('\r\n\r\n'));
  return peer;
}

async function execWithTerminal(script: string): Promise<{ id: string; peer: Peer }> {
  const streams = { AttachStdin: true, AttachStdout: true, AttachStderr: true };
  const command = { Cmd: ['sh', '-c', script], Tty: true, ...streams };
  const { text } = await http.json('POST', '/containers/base/exec', command);
  const { Id: id } = body(text) as { Id: string };
  const peer = new Peer(engine.socket);
  peer.ask('POST', `/exec/${id}/start`, '{"Tty":true}', [...UPGRADE, 'Content-Type: application/json']);
  await became('the connection is taken over', () => peer.text.includes('\r\n\r\n'));
  return { id, peer };
}

/** Processes that hold what is below the engine's run folder: its monitors. */
function monitors(): number {
  return readdirSync('/proc').filter((pid) => {
    const path = `/proc/${pid}/cmdline`;
    if (!/^\d+$/.test(pid) || !existsSync(path)) return false;
    const command = readFileSync(path, 'utf8');
    return command.includes('conmon') && command.includes(`${engine.folder}/run`);
  }).length;
}

describe('input that nobody reads', () => {
  const input = `${'line\n'.repeat(400_000)}`;

  test('costs a command no output, and is no error', async () => {
    for (let count = 0; count < 6; count++) {
      const exec = await engine.docker(['exec', '-i', 'base', 'head', '-n', '1'], input);
      expect(exec).toMatchObject({ code: 0, stdout: 'line\n', stderr: '' });
      const run = await engine.docker(['run', '-i', '--rm', 'busybox', 'head', '-n', '1'], input);
      expect(run).toMatchObject({ code: 0, stdout: 'line\n', stderr: '' });
      const own = await engine.hull(['exec', '-i', 'base', 'head', '-c', '1000000', '/dev/zero'], input);
      expect(own.stdout.length).toBe(1_000_000);
    }
  }, 60_000);

  test('of a terminal delays neither output nor end, and leaves no monitor', async () => {
    const before = monitors();
    const { id, peer } = await execWithTerminal('sleep 1; echo hello; exit 4');
    peer.socket.write('line of input\n'.repeat(21_000));
    await peer.ended;
    expect(peer.text).toContain('hello');
    const { text } = await http.request('GET', `/exec/${id}/json`);
    expect(body(text)).toMatchObject({ Running: false, ExitCode: 4 });
    await became('its monitor is gone', () => monitors() === before);
  }, 30_000);

  test('is all there for a program at a terminal that reads late', async () => {
    const { peer } = await execWithTerminal('stty raw -echo; echo ready; sleep 1; head -c 300000 | md5sum');
    await became('it reads', () => peer.text.includes('ready'));
    const input = Buffer.alloc(300_000, 'not to be lost ');
    peer.socket.write(input);
    await peer.ended;
    expect(peer.text).toContain(new Bun.CryptoHasher('md5').update(input).digest('hex'));
  }, 30_000);
});

describe('the end of a run', () => {
  test('is on record when its output ends, and told when its output is there', async () => {
    for (let count = 0; count < 15; count++) {
      const id = await create(['sh', '-c', 'head -c 100000 /dev/zero; exit 3']);
      const peer = await attached(id);
      const ended = peer.ended.then(() => state(id));
      const waits = http.request('POST', `/containers/${id}/wait?condition=next-exit`);
      await http.request('POST', `/containers/${id}/start`);
      expect(body((await waits).text)).toMatchObject({ StatusCode: 3 });
      // What was sent may still lie in this process's own socket.
      await Bun.sleep(0);
      expect(peer.received.length).toBeGreaterThan(100_000);
      expect(await ended).toMatchObject({ Running: false, ExitCode: 3 });
      await http.request('DELETE', `/containers/${id}`);
    }
  }, 60_000);

  test('is told to those who are attached to what never starts, or is removed', async () => {
    const broken = await create(['no-such-program']);
    const first = await attached(broken);
    await http.request('POST', `/containers/${broken}/start`);
    await first.ended;
    const never = await create(['true']);
    const second = await attached(never);
    for (const id of [broken, never]) await http.request('DELETE', `/containers/${id}?force=1`);
    await second.ended;
  }, 30_000);

  test('does not wait for a client that reads no more', async () => {
    const id = await create(['sh', '-c', 'yes | head -c 30000000; sleep 1000']);
    const peer = await attached(id);
    peer.socket.pause();
    await http.request('POST', `/containers/${id}/start`);
    await Bun.sleep(500);
    expect((await http.request('POST', `/containers/${id}/kill`)).status).toBe(204);
    expect(await state(id)).toMatchObject({ Status: 'exited', ExitCode: 137 });
    expect((await http.request('DELETE', `/containers/${id}`)).status).toBe(204);
    peer.socket.destroy();
  }, 30_000);
});
