import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { concat } from '../../src/lib/streams.ts';
import { encodeHeader, TAR_END, type TarMember } from '../../src/lib/tar/encode.ts';
import { paddingOf } from '../../src/lib/tar/types.ts';
import { TestEngine } from '../support/engine.ts';
import { RawHttp, type RawAnswer } from './support/raw-http.ts';

const engine = new TestEngine({ watched: true });
const http = new RawHttp(engine.socket);
/** Outside of everything that is the engine's. */
const OUTSIDE = `/tmp/hull-escape-${process.pid}`;
const SECRET = readFileSync('/etc/machine-id', 'utf8').trim();
const ABOVE = '../'.repeat(12);

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, 60_000);
afterAll(() => engine.destroy(), 60_000);

function member(header: TarMember, body = ''): Uint8Array {
  const size = Buffer.byteLength(body);
  return concat([encodeHeader({ ...header, size }), Buffer.from(body), new Uint8Array(paddingOf(size))]);
}
const file = (name: string, body = 'x'): Uint8Array => member({ name, type: 'file' }, body);
const link = (name: string, linkName: string): Uint8Array => member({ name, type: 'symlink', linkName });

function build(dockerfile: string, members: readonly Uint8Array[] = [], query = ''): Promise<RawAnswer> {
  const context = concat([file('Dockerfile', dockerfile), ...members, TAR_END]);
  return http.request('POST', `/build${query}`, context, 'application/x-tar');
}
const create = (body: object): Promise<RawAnswer> =>
  http.json('POST', '/containers/create', { Image: 'busybox', ...body });

describe('build contexts', () => {
  const COPY_ALL = 'FROM busybox\nCOPY . /c\nRUN cat /c/machine-id /c/l/machine-id; true\n';

  test.each([
    ['a name with ..', [file(`${ABOVE}${OUTSIDE}`)], 400],
    ['a name below a link that leads out', [link('l', '/tmp'), file(`l/${OUTSIDE.slice(5)}`)], 400],
    [
      'a hard link to a file of the host',
      [member({ name: 'h', type: 'hardlink', linkName: '/etc/machine-id' })],
      400,
    ],
    ['an absolute name', [file(OUTSIDE)], 200],
    ['a link to a file of the host', [link('machine-id', '/etc/machine-id'), link('l', '/etc')], 200],
    ['a device', [member({ name: 'dev', type: 'block-device', devMajor: 7, devMinor: 0 })], 200],
    ['an ignore file that is a link', [link('.dockerignore', '/etc/machine-id')], 200],
    ['an ignore file that is a FIFO', [member({ name: '.dockerignore', type: 'fifo' })], 400],
  ])('%s', async (_title, members, status) => {
    const answer = await build(COPY_ALL, members);
    // Where the engine keeps things is not the client's business.
    expect(answer.text).not.toContain(engine.folder);
    expect([answer.status, existsSync(OUTSIDE), answer.text.includes(SECRET)]).toEqual([
      status,
      false,
      false,
    ]);
  });

  test.each(['l/machine-id', `${ABOVE}etc/machine-id`, '/etc/machine-id'])(
    'COPY %s stays inside',
    async (source) => {
      const answer = await build(`FROM busybox\nCOPY ${source} /s\nRUN cat /s\n`, [link('l', `${ABOVE}etc`)]);
      expect(answer.text).not.toContain(SECRET);
      expect(answer.text).toContain('errorDetail');
    },
  );

  test('blueprints that are none', async () => {
    for (const type of ['fifo', 'directory'] as const) {
      const context = concat([member({ name: 'Dockerfile', type }), TAR_END]);
      expect((await http.request('POST', '/build', context, 'application/x-tar')).status).toBe(400);
    }
    expect((await build('FROM busybox', [], `?dockerfile=${ABOVE}etc/machine-id`)).status).toBe(404);
    expect((await build('FROM busybox', [], '?dockerfile=Dockerfile%00x')).status).toBe(400);
    expect(
      (await build('FROM busybox', [], `?buildargs=${encodeURIComponent('{"A":"a\\u0000b"}')}`)).status,
    ).toBe(400);
    expect((await build('FROM busybox', [], '?t=..%2f..%2fx')).status).toBe(400);
    expect((await build('FROM busybox', [], '?target=a%0Ab')).status).toBe(400);
    expect((await build(`FROM busybox\n${'RUN true\n'.repeat(5_000_000)}`)).status).toBe(400);
    expect((await http.request('POST', '/build', Buffer.alloc(5000, 'x'), 'application/x-tar')).status).toBe(
      400,
    );
  }, 30_000);

  test('a context that stops and is cut off leaves nothing', async () => {
    const socket = http.open();
    socket.write('POST /build HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    const part = concat([
      file('Dockerfile', 'FROM busybox'),
      file('big', 'y'.repeat(50_000)).subarray(0, 20_000),
    ]);
    socket.write(`${part.length.toString(16)}\r\n`);
    socket.write(part);
    const temporary = join(engine.folder, 'data/tmp');
    while (readdirSync(temporary).length === 0) await Bun.sleep(10);
    socket.destroy();
    while (readdirSync(temporary).length > 0) await Bun.sleep(10);
    expect(await engine.findings()).toBe('');
  });
});

test('requests that are too large are refused, and the client is told', async () => {
  const large = Buffer.from(`{"Image":"${'x'.repeat(100_000_000)}"}`);
  const answer = await http.request('POST', '/containers/create', large);
  expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('is larger than')]);
  expect((await http.request('POST', '/containers/create', Buffer.alloc(1_000_000, '['))).status).toBe(400);
  const head = 'GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n';
  expect((await http.send(`${head}X: ${'y'.repeat(2_000_000)}\r\n\r\n`)).status).toBe(431);
  expect((await http.send(head.replace('_ping', 'y'.repeat(2_000_000)) + '\r\n')).status).toBe(431);
}, 30_000);

const HOSTILE = ['..', '../x', 'a/b', 'a\0b', 'a\nb', '-a', 'ü'];

test.each(HOSTILE)('%j is no name of a volume, an instance or an image', async (name) => {
  const quoted = encodeURIComponent(name);
  const before = readdirSync(join(engine.folder, 'data/volumes'));
  expect((await http.json('POST', '/volumes/create', { Name: name })).status).toBe(400);
  const body = Buffer.from('{"Image":"busybox"}');
  expect((await http.request('POST', `/containers/create?name=${quoted}`, body)).status).toBe(400);
  for (const path of [`/volumes/${quoted}`, `/containers/${quoted}`])
    expect((await http.request('DELETE', path)).status).toBe(404);
  // An image may be called so; there is none.
  const unknown = name === 'a/b' ? 404 : 400;
  expect((await http.request('DELETE', `/images/${quoted}`)).status).toBe(unknown);
  expect((await http.request('DELETE', `/hull/v1/machines/${quoted}`)).status).toBe(404);
  expect(readdirSync(join(engine.folder, 'data/volumes'))).toEqual(before);
});

test.each([
  ['Hostname', { Hostname: 'a\n127.0.0.1 evil' }],
  ['Domainname', { Domainname: 'a b' }],
  ['ExtraHosts', { HostConfig: { ExtraHosts: ['a:1.2.3.4\n6.6.6.6 x'] } }],
  ['Dns', { HostConfig: { Dns: ['1.2.3.4\nsearch x'] } }],
  ['CpusetCpus', { HostConfig: { CpusetCpus: '0\n1' } }],
  ['Env', { Env: ['A=a\0b'] }],
  ['Cmd', { Cmd: ['a\0b'] }],
  ['WorkingDir', { WorkingDir: '/a\0b' }],
  ['Binds', { HostConfig: { Binds: ['/tmp/a\0b:/x'] } }],
])('%s with what it cannot hold is refused', async (_field, body) => {
  expect((await create(body)).status).toBe(400);
});

test('afterwards the engine is as well as before', async () => {
  expect((await http.request('POST', '/session')).status).toBe(501);
  expect((await create({ Labels: { text: 'a backslash: \\u0000' } })).status).toBe(201);
  expect(await engine.must(['run', '--rm', 'busybox', 'echo', 'well'])).toBe('well');
  expect((await engine.hull(['check', '--deep'])).code).toBe(0);
  expect(readFileSync(engine.logPath, 'utf8')).not.toMatch(/internal|TypeError/);
});
