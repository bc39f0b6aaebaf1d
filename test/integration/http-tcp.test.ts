import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { join } from 'node:path';
import { Certificates } from '../../src/host/testing/certificates.ts';
import type { RunResult } from '../../src/host/host.ts';
import { HULL, TestEngine } from '../support/engine.ts';

/** The API on TCP: certificates on both sides, and only requests that are meant for this engine. */
const engine = new TestEngine();
const hasDocker = Bun.which('docker') !== null;
let certificates: Certificates;
let port: number;
let flags: readonly string[];

beforeAll(async () => {
  mkdirSync(join(engine.folder, 'keys'));
  certificates = new Certificates(join(engine.folder, 'keys'));
  port = await freePort();
  flags = [
    ...['--tlscacert', certificates.path('ca.pem')],
    ...['--tlscert', certificates.path('server.pem'), '--tlskey', certificates.path('server.key')],
  ];
  await engine.start(['--host', `tcp://127.0.0.1:${port}`, '--allowed-host', 'build.example', ...flags]);
}, 60_000);
afterAll(() => engine.destroy(), 60_000);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function run(
  command: readonly string[],
  environment: Record<string, string>,
  input = '',
): Promise<RunResult> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: engine.folder, ...environment };
  return engine.host.exec.run(command, { env, input, timeout: 30_000 });
}

const keys = (): Record<string, string> => ({
  DOCKER_CERT_PATH: certificates.folder,
  DOCKER_TLS_VERIFY: '1',
});

/** What the engine says to a request with these headers, over TLS; empty when it says nothing. */
async function ask(headers: string, identity: 'client' | 'stranger' | null = 'client'): Promise<string> {
  const names = identity === 'client' ? ['cert.pem', 'key.pem'] : ['stranger.pem', 'stranger.key'];
  const [cert = '', key = ''] = names.map((name) => certificates.read(name));
  const socket = connectTls({
    host: '127.0.0.1',
    port,
    ca: certificates.read('ca.pem'),
    ...(identity === null ? {} : { cert, key }),
  });
  return await exchange(socket, headers);
}

async function exchange(socket: ReturnType<typeof connect>, headers: string): Promise<string> {
  let text = '';
  socket.on('data', (data: Buffer) => (text += data.toString()));
  socket.on('error', () => undefined);
  socket.write(`GET /_ping HTTP/1.1\r\nConnection: close\r\n${headers}\r\n`);
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

describe('clients', () => {
  test.skipIf(!hasDocker)(
    'docker (skipped where it is not installed): requests, and both ends of a stream',
    async () => {
      await engine.must(['bootstrap', 'busybox']);
      const environment = { ...keys(), DOCKER_HOST: `tcp://127.0.0.1:${port}` };
      const run1 = await run(['docker', 'run', '--rm', '-i', 'busybox', 'cat'], environment, 'over TLS\n');
      expect(run1).toMatchObject({ code: 0, stdout: 'over TLS\n' });
      expect(await run(['docker', 'ps', '-aq'], environment)).toMatchObject({ code: 0, stdout: '' });
      const verified = ['--tlsverify', '--tlscacert', certificates.path('ca.pem')];
      const bare = await run(['docker', ...verified, '-H', `tcp://127.0.0.1:${port}`, 'version'], {
        DOCKER_CONFIG: join(engine.folder, 'none'),
      });
      expect(bare.code).not.toBe(0);
    },
    30_000,
  );

  test('hull', async () => {
    const environment = { ...keys(), HULL_HOST: `tcp://localhost:${port}` };
    const found = await run([HULL, 'version'], environment);
    expect(found).toMatchObject({ code: 0, stderr: '' });
    const without = await run([HULL, 'version'], { HULL_HOST: `tcp://localhost:${port}` });
    expect(without.stderr).toContain('name it in HULL_CERT_PATH or DOCKER_CERT_PATH');
    const wrong = await run([HULL, 'version'], { ...keys(), HULL_HOST: `tcp://127.0.0.2:${port}` });
    expect(wrong.stderr).toContain('cannot connect to the engine at tcp://127.0.0.2');
  });
});

describe('refused are', () => {
  test('clients without a certificate, with a stranger’s, and without TLS', async () => {
    const host = 'Host: 127.0.0.1\r\n';
    expect(await ask(host)).toContain('200 OK');
    expect(await ask(host, null)).toBe('');
    expect(await ask(host, 'stranger')).toBe('');
    expect(await exchange(connect(port, '127.0.0.1'), host)).toBe('');
  });

  test('requests for other hosts, and from pages of other origins', async () => {
    for (const host of [`127.0.0.1:${port}`, 'localhost', 'build.example:1']) {
      expect(await ask(`Host: ${host}\r\n`)).toContain('200 OK');
    }
    for (const headers of ['Host: evil.example\r\n', `Host: localhost\r\nOrigin: https://evil.example\r\n`]) {
      expect(await ask(headers)).toContain('403 Forbidden');
    }
  });

  test.each([
    ['certificates missing', () => [], 'only with certificates on both sides'],
    ['one certificate missing', () => flags.slice(2), 'only with certificates on both sides'],
    ['a file that is none', () => [...flags.slice(0, 5), '/etc/hostname'], 'no certificate or key in PEM'],
    ['a file that is not there', () => [...flags.slice(0, 5), '/nonexistent'], '/nonexistent cannot be read'],
  ])('daemons with %s', async (_title, more, message) => {
    const places = ['--data', join(engine.folder, 'd2'), '--run', join(engine.folder, 'r2')];
    const daemon = await run([HULL, 'daemon', ...places, '--host', 'tcp://127.0.0.1:0', ...more()], {});
    expect(daemon.code).not.toBe(0);
    expect(daemon.stderr).toContain(message);
  });

  test('places that are none, and certificates without a place', async () => {
    for (const [args, message] of [
      [['--host', 'tcp://', ...flags], 'is not understood'],
      [['--host', 'http://127.0.0.1:1', ...flags], 'is not understood'],
      [flags, 'say where with --host'],
    ] as const) {
      const places = ['--data', join(engine.folder, 'd2'), '--run', join(engine.folder, 'r2')];
      const daemon = await run([HULL, 'daemon', ...places, ...args], {});
      expect(daemon.stderr).toContain(message);
    }
  });
});
