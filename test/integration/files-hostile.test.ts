import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { collect } from '../../src/lib/streams.ts';
import { packTar, readTar, type TarInput } from '../../src/lib/tar/archive.ts';
import { TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';
import { FilesApi } from './support/files-api.ts';

const engine = new TestEngine({ watched: true });
const api = new FilesApi(engine);
const LONG = 120_000;
/** Outside of every instance. */
const outside = join(engine.folder, 'outside');

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
  mkdirSync(outside);
  writeFileSync(join(outside, 'canary'), 'of the host\n');
  await engine.must(['run', '-d', '--name', 'victim', '--network', 'none', 'busybox', 'sleep', '1000']);
  await sh('mkdir /t /t/folder; echo was > /t/file; ln -s folder /t/link');
}, LONG);
afterAll(() => engine.destroy(), LONG);

const sh = (script: string): Promise<string> => engine.must(['exec', 'victim', 'sh', '-c', script]);
const tarOf = (...headers: (TarInput['header'] & { text?: string })[]): Promise<Uint8Array> =>
  collect(
    packTar(
      headers.map(({ text, ...header }) =>
        text === undefined ? { header } : { header, body: Buffer.from(text) },
      ),
    ),
  );

function hostIsUntouched(): void {
  expect(readFileSync(join(outside, 'canary'), 'utf8')).toBe('of the host\n');
  expect(readdirSync(outside)).toEqual(['canary']);
}

describe('an archive with', () => {
  const refused: readonly (readonly [what: string, member: TarInput['header'], message: string])[] = [
    ['a name that leads up', { name: '../up', type: 'file' }, 'leads out of its folder'],
    ['a name that leads up later', { name: 'a/../../up', type: 'file' }, 'leads out of its folder'],
    [
      'a link that leads out',
      { name: 'l', type: 'symlink', linkName: '../../../etc/shadow' },
      'invalid symlink "/t/l"',
    ],
    [
      'a hard link that leads out',
      { name: 'l', type: 'hardlink', linkName: '../etc/passwd' },
      'invalid hardlink "l"',
    ],
    ['a hard link to nothing', { name: 'l', type: 'hardlink', linkName: '/etc/passwd' }, 'no earlier file'],
  ];
  test.each(refused)('%s is refused', async (_, member, message) => {
    const answer = await api.put('victim', '/t', await tarOf(member));
    expect(answer.status).toBe(400);
    expect(answer.message).toContain(message);
    hostIsUntouched();
  });

  test('absolute names stays in its folder', async () => {
    expect(
      await api.put('victim', '/t', await tarOf({ name: `${outside}/planted`, type: 'file', text: 'x' })),
    ).toEqual({
      status: 200,
    });
    expect(await sh(`cat /t${outside}/planted`)).toBe('x');
    hostIsUntouched();
  });

  test('a link to the root and a file behind it stays in the instance', async () => {
    const archive = await tarOf(
      { name: 's', type: 'symlink', linkName: '/' },
      { name: `s${outside}/planted`, type: 'file', text: 'x' },
    );
    expect((await api.put('victim', '/t', archive)).status).toBe(200);
    expect(await sh(`cat ${outside}/planted`)).toBe('x');
    hostIsUntouched();
  });

  test('device nodes makes nodes that the instance cannot use', async () => {
    const archive = await tarOf(
      { name: 'disk', type: 'block-device', devMajor: 254, devMinor: 0, mode: 0o666 },
      { name: 'null', type: 'character-device', devMajor: 1, devMinor: 3, mode: 0o666 },
    );
    expect((await api.put('victim', '/t', archive)).status).toBe(200);
    expect(await sh('head -c 1 /t/disk 2>&1 || echo refused')).toContain('refused');
    // Neither does reading it back open it.
    const members: string[] = [];
    for await (const { header } of readTar(await bodyOf('/t/disk')))
      members.push(`${header.type} ${header.devMajor}`);
    expect(members).toEqual(['block-device 254']);
  });

  test.each(['gzip', 'xz', 'bzip2', 'zstd'])('%s around it is unpacked', async (tool) => {
    const plain = await tarOf({ name: `by-${tool}`, type: 'file', text: tool });
    const child = Bun.spawn([tool, '-c'], { stdin: plain, stdout: 'pipe' });
    const packed = new Uint8Array(await new Response(child.stdout).arrayBuffer());
    expect((await api.put('victim', '/t', packed)).status).toBe(200);
    expect(await sh(`cat /t/by-${tool}`)).toBe(tool);
    expect((await api.put('victim', '/t', packed.subarray(0, packed.length - 20))).status).toBe(400);
  });

  test('what is no archive, or the beginning of one, is refused', async () => {
    const whole = await tarOf({ name: 'x', type: 'file', text: 'x'.repeat(5000) });
    for (const body of [Buffer.alloc(2048, 0x61), whole.subarray(0, 2000), gzipSync(whole).subarray(0, 50)]) {
      const answer = await api.put('victim', '/t', body);
      expect(answer).toMatchObject({ status: 400 });
    }
    expect((await api.put('victim', '/t', new Uint8Array())).status).toBe(200);
  });
});

async function bodyOf(path: string): Promise<AsyncIterable<Uint8Array>> {
  const { body } = await api.get('victim', path);
  if (body === null) throw new Error('no body');
  return body;
}

test('kinds are kept where that is asked for, in the words of Docker’s daemon', async () => {
  const keep = '&noOverwriteDirNonDir=true';
  const folder = (name: string): Promise<Uint8Array> => tarOf({ name, type: 'directory' });
  expect(
    await api.put('victim', '/t', await tarOf({ name: 'folder', type: 'file', text: '' }), keep),
  ).toEqual({
    status: 400,
    message: expect.stringContaining(
      'cannot overwrite directory "/t/folder" with non-directory "/t"',
    ) as string,
  });
  for (const name of ['file', 'link']) {
    const { status, message } = await api.put('victim', '/t', await folder(name), keep);
    expect(status).toBe(400);
    expect(message).toContain(`cannot overwrite non-directory "/t/${name}" with directory "/t"`);
  }
  expect((await api.put('victim', '/t', await folder('link'))).status).toBe(200);
  expect((await api.stat('victim', '/t/link')).stat?.mode).toBeGreaterThan(2 ** 31);
});

test('paths are asked about as Docker’s daemon answers', async () => {
  const answers: Record<string, number> = {};
  for (const path of ['/t/file', '/t/file/', '/t/file/x', '/none', '/t/', '/t/.'])
    answers[path] = (await api.stat('victim', path)).status;
  expect(answers).toEqual({
    '/t/file': 200,
    '/t/file/': 400,
    '/t/file/x': 400,
    '/none': 404,
    '/t/': 200,
    '/t/.': 200,
  });
  expect((await api.request('/containers/victim/archive', { method: 'HEAD' })).status).toBe(400);
  expect((await api.stat('nobody', '/')).status).toBe(404);
  await sh('ln -s ../../../../t/file /t/up');
  expect((await api.stat('victim', '/t/up')).stat?.linkTarget).toBe('/t/file');
  expect(await api.put('victim', '/t/file', new Uint8Array())).toEqual({
    status: 400,
    message: 'extraction point is not a directory',
  });
});

test('names that are not UTF-8 come and go byte for byte', async () => {
  await sh(String.raw`mkdir /odd; touch "$(printf '/odd/a\377b')"`);
  const archive = await collect(await bodyOf('/odd'));
  expect(Buffer.from(archive).includes(Buffer.from([0x61, 0xff, 0x62]))).toBe(true);
  await sh('rm -r /odd');
  expect((await api.put('victim', '/', archive)).status).toBe(200);
  expect(await sh(String.raw`test -e "$(printf '/odd/a\377b')" && echo there`)).toBe('there');
});

test(
  'an instance that swaps a folder for a link to / leads no copy out',
  async () => {
    const script = `
    mkdir -p /r; inside=/r/a${outside}
    while true; do
      mkdir -p $inside; echo of the instance > $inside/canary
      rm -rf /r/old; mv /r/a /r/old; ln -s / /r/a; rm /r/a
    done`;
    await engine.must(['run', '-d', '--name', 'racer', '--network', 'none', 'busybox', 'sh', '-c', script]);
    const planted = await tarOf({ name: 'planted', type: 'file', text: 'x' });
    const seen = new Map<string, number>();
    const count = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
    const turn = async (number: number): Promise<void> => {
      if (number % 2 === 0) {
        const { status } = await api.put('racer', `/r/a${outside}`, planted);
        return count(`put ${status}`);
      }
      const text = await api.text('racer', `/r/a${outside}/canary`).catch(() => 'nothing');
      count(text.trim());
    };
    for (let batch = 0; batch < 60; batch++)
      await Promise.all(Array.from({ length: 6 }, (_, index) => turn(batch * 6 + index)));
    hostIsUntouched();
    expect([...seen.keys()]).not.toContain('of the host');
    // The race was on: some came through, some did not.
    expect(seen.get('of the instance') ?? 0).toBeGreaterThan(0);
    expect([...seen.values()].reduce((sum, one) => sum + one, 0)).toBe(360);
    await engine.must(['rm', '-f', 'racer']);
  },
  LONG,
);

test('a client that leaves in the middle leaves nothing running', async () => {
  await sh('dd if=/dev/zero of=/big bs=1M count=64 2>/dev/null');
  const { processes } = engine.host;
  const helpers = (): number =>
    processes.list().filter((pid) => {
      const command = processes.command(pid);
      return command.includes('files') && command.some((word) => word.includes('"path":"/big"'));
    }).length;
  const socket = connect(engine.socket);
  socket.write('GET /containers/victim/archive?path=/big HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  expect(helpers()).toBe(1);
  socket.destroy();
  await until('the helper ends', () => Promise.resolve(helpers() === 0 ? true : null), 5000);
  // And one that stops sending.
  const sender = connect(engine.socket);
  sender.write(
    'PUT /containers/victim/archive?path=/t HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc',
  );
  await Bun.sleep(200);
  sender.destroy();
  expect((await api.stat('victim', '/t')).status).toBe(200);
  expect(await engine.findings()).toBe('');
});

test(
  'ten thousand files go in and out',
  async () => {
    const members = Array.from({ length: 10_000 }, (_, number) => ({
      name: `many/${number % 100}/${number}`,
      type: 'file' as const,
      text: String(number),
    }));
    expect((await api.put('victim', '/t', await tarOf(...members))).status).toBe(200);
    let count = 0;
    for await (const { header } of readTar(await bodyOf('/t/many'))) if (header.type === 'file') count += 1;
    expect(count).toBe(10_000);
  },
  LONG,
);
