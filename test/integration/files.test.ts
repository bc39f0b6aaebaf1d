import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { freeze, freezerOf } from '../../src/host/cgroup-freezer.ts';
import { collect } from '../../src/lib/streams.ts';
import { packTar, readTar, type TarInput } from '../../src/lib/tar/archive.ts';
import { TestEngine } from '../support/engine.ts';
import { FilesApi } from './support/files-api.ts';

const engine = new TestEngine();
const api = new FilesApi(engine);
const LONG = 120_000;
const local = join(engine.folder, 'local');

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
  mkdirSync(join(local, 'd/sub'), { recursive: true });
  writeFileSync(join(local, 'f'), 'one\n');
  writeFileSync(join(local, 'd/sub/x'), 'two\n');
  symlinkSync('sub', join(local, 'd/l'));
}, LONG);
afterAll(() => engine.destroy(), LONG);

async function sh(name: string, script: string): Promise<string> {
  return engine.must(['exec', name, 'sh', '-c', script]);
}

async function run(name: string, ...flags: string[]): Promise<void> {
  await engine.must(['run', '-d', '--name', name, '--network', 'none', ...flags, 'busybox', 'sleep', '1000']);
}

const file = (name: string, body: string): TarInput => ({
  header: { name, type: 'file' },
  body: Buffer.from(body),
});
const tarOf = (...members: TarInput[]): Promise<Uint8Array> => collect(packTar(members));

// The same rules whoever copies: Docker's client and ours.
describe.each(['docker', 'hull'] as const)('%s', (client) => {
  const name = `cp-${client}`;
  const out = join(engine.folder, `out-${client}`);
  const cp = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
    client === 'docker' ? engine.docker(['cp', ...args]) : engine.hull(['cp', ...args]);
  const fine = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await cp(...args);
    expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
  };

  beforeAll(async () => {
    mkdirSync(out);
    await run(name);
  }, LONG);

  test('cp into an instance', async () => {
    await fine(join(local, 'f'), `${name}:/tmp`);
    await fine(join(local, 'f'), `${name}:/tmp/renamed`);
    await fine(join(local, 'd'), `${name}:/tmp`);
    await fine(join(local, 'd'), `${name}:/tmp/new`);
    await fine(`${join(local, 'd')}/.`, `${name}:/tmp/contents`);
    expect(await sh(name, 'cd /tmp; cat f renamed d/sub/x new/l/x contents/sub/x; readlink d/l')).toBe(
      'one\none\ntwo\ntwo\ntwo\nsub',
    );
    expect((await cp(join(local, 'd'), `${name}:/tmp/f`)).code).toBe(1);
    expect((await cp(join(local, 'f'), `${name}:/none/`)).code).toBe(1);
    const absent = await cp(join(local, 'f'), `${name}:/none/f`);
    expect(absent.stderr).toContain(`Could not find the file /none in container ${name}`);
  });

  test('cp out of an instance', async () => {
    await sh(name, 'mkdir -p /src/sub; echo a > /src/sub/a; ln -s sub /src/link; ln /src/sub/a /src/hard');
    await fine(`${name}:/src`, out);
    await fine(`${name}:/src`, join(out, 'new'));
    await fine(`${name}:/src/.`, join(out, 'contents'));
    await fine(`${name}:/src/sub/a`, join(out, 'file'));
    await fine(`${name}:/src/link`, out);
    await fine('-L', `${name}:/src/link`, join(out, 'followed'));
    for (const path of ['src/sub/a', 'new/hard', 'contents/link/a', 'file', 'followed/a'])
      expect(readFileSync(join(out, path), 'utf8')).toBe('a\n');
    expect(lstatSync(join(out, 'link')).isSymbolicLink()).toBe(true);
    expect(lstatSync(join(out, 'src/hard')).ino).toBe(lstatSync(join(out, 'src/sub/a')).ino);
    const absent = await cp(`${name}:/none`, out);
    expect(absent).toMatchObject({ code: 1 });
    expect(absent.stderr).toContain(`Could not find the file /none in container ${name}`);
  });

  test('cp by tar streams', async () => {
    const tar = await tarOf(file('streamed', 'by tar\n'));
    const args = ['cp', '-', `${name}:/tmp`];
    const put = client === 'docker' ? await engine.docker(args, tar) : await engine.hull(args, tar);
    expect(put).toMatchObject({ code: 0 });
    expect((await cp(`${name}:/tmp/streamed`, '-')).stdout).toContain('by tar');
  });

  test('diff, export, commit', async () => {
    const tool = (...args: string[]): ReturnType<typeof cp> =>
      client === 'docker' ? engine.docker(args) : engine.hull(args);
    await run(`${name}-d`);
    expect((await tool('diff', `${name}-d`)).stdout).toBe('');
    await sh(`${name}-d`, 'echo a > /bin/new; rm /bin/false; chmod 711 /tmp; mkdir -p /x/y');
    expect((await tool('diff', `${name}-d`)).stdout).toBe(
      'C /bin\nD /bin/false\nA /bin/new\nC /tmp\nA /x\nA /x/y\n',
    );
    const exported = join(out, 'export.tar');
    expect((await tool('export', '-o', exported, `${name}-d`)).code).toBe(0);
    const names: string[] = [];
    for await (const { header } of readTar(Bun.file(exported).stream())) names.push(header.name);
    expect(names).toContain('bin/new');
    expect(names).not.toContain('bin/false');
    const tag = `made-${client}:1`;
    const commit = await tool(
      'commit',
      '-m',
      'why',
      '-a',
      'me',
      '-c',
      'CMD ["cat", "/bin/new"]',
      `${name}-d`,
      tag,
    );
    expect(commit.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    expect(await engine.must(['run', '--rm', tag])).toBe('a');
    expect((await engine.hull(['run', '--rm', tag, 'ls', '/bin/false', '/x'])).stdout).toBe('/x:\ny\n');
    const history = (await engine.docker(['history', '--format', '{{.CreatedBy}}|{{.Comment}}', tag])).stdout;
    expect(history).toStartWith('sleep 1000|why\n');
  });
});

test('hull cp copies between two instances', async () => {
  await run('one');
  await run('two');
  await sh('one', 'mkdir /d; echo here > /d/file');
  await engine.must(['cp', 'one:/d', 'two:/e']);
  expect(await sh('two', 'cat /e/file')).toBe('here');
});

describe('what is mounted', () => {
  test('is seen in a running instance, and in one that never ran', async () => {
    const bind = join(engine.folder, 'bind');
    mkdirSync(bind);
    writeFileSync(join(bind, 'from-host'), 'bound\n');
    const mounts = ['-v', 'vol:/vol', '-v', `${bind}:/bind:ro`, '--tmpfs', '/tmpfs'];
    await run('mounts', ...mounts);
    await engine.must(['create', '--name', 'idle', ...mounts, 'busybox', 'cat', '/vol/put']);
    expect((await api.put('idle', '/vol', await tarOf(file('put', 'idle\n')))).status).toBe(200);
    expect(await sh('mounts', 'cat /vol/put')).toBe('idle');
    for (const name of ['mounts', 'idle']) {
      expect(await api.text(name, '/bind/from-host')).toBe('bound\n');
      expect(await api.put(name, '/bind', await tarOf(file('x', 'x')))).toEqual({
        status: 403,
        message: 'mounted volume is marked read-only',
      });
    }
    expect(readdirSync(bind)).toEqual(['from-host']);
    await sh('mounts', 'echo temporary > /tmpfs/t');
    expect(await api.text('mounts', '/tmpfs/t')).toBe('temporary\n');
    // The kernel's own filesystems are nobody's files.
    expect((await api.stat('mounts', '/proc/1')).status).toBe(404);
    expect((await engine.hull(['start', '-a', 'idle'])).stdout).toBe('idle\n');
  });

  test('is not exported', async () => {
    await run('exported', '-v', 'vol:/vol');
    const names: string[] = [];
    for await (const { header } of readTar(api.stream('/containers/exported/export')))
      names.push(header.name);
    expect(names).toContain('vol');
    expect(names.filter((name) => name.startsWith('vol/'))).toEqual([]);
  });

  test('a read-only root takes nothing', async () => {
    await run('fixed', '--read-only', '-v', 'vol:/vol');
    const tar = await tarOf(file('x', 'x'));
    const refused = { status: 403, message: 'container rootfs is marked read-only' };
    expect(await api.put('fixed', '/tmp', tar)).toEqual(refused);
    expect((await api.put('fixed', '/vol', tar)).status).toBe(200);
  });
});

test('a stopped instance keeps what was copied, and leaves no mount behind', async () => {
  await run('stopped');
  await engine.must(['stop', '-t', '0', 'stopped']);
  await engine.must(['cp', join(local, 'f'), 'stopped:/kept']);
  expect(await api.text('stopped', '/kept')).toBe('one\n');
  expect(await engine.findings()).toBe('');
  const mounted = engine.host.mounts
    .list()
    .filter(({ target }) => target.startsWith(`${engine.folder}/run/rootfs`));
  const running = (await engine.must(['ps', '-q'])).split('\n').length;
  expect(mounted.length).toBe(running);
  await engine.must(['start', 'stopped']);
  expect(await sh('stopped', 'cat /kept')).toBe('one');
});

test('what is copied tells of itself in events', async () => {
  await run('told');
  const since = String(Date.now() / 1000);
  await engine.must(['cp', join(local, 'f'), 'told:/tmp']);
  await engine.must(['cp', 'told:/tmp/f', join(engine.folder, 'told')]);
  await engine.must(['commit', 'told', 'told:1']);
  const until = String(Date.now() / 1000 + 0.1);
  const filter = ['--filter', 'container=told', '--format', '{{.Action}}'];
  const events = await engine.docker(['events', '--since', since, '--until', until, ...filter]);
  expect(events.stdout.split('\n').filter((line) => line !== '')).toEqual([
    'extract-to-dir',
    'archive-path',
    'commit',
  ]);
  expect(existsSync(join(engine.folder, 'told'))).toBe(true);
});

test('what a commit holds goes on when the daemon dies meanwhile; what is paused stays so', async () => {
  await run('held');
  await run('paused');
  await engine.must(['pause', 'paused']);
  const pid = await engine.must(['inspect', '-f', '{{.State.Pid}}', 'held']);
  const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  const first = /^\d+:freezer:(.*)$/m.exec(groups)?.[1];
  const second = /^0::(.*)$/m.exec(groups)?.[1];
  await engine.crash();
  await freeze(
    first === undefined
      ? freezerOf(`/sys/fs/cgroup${second}`, 'v2')
      : freezerOf(`/sys/fs/cgroup/freezer${first}`, 'v1'),
  );
  await engine.start();
  expect(
    await engine.must(['ps', '--format', '{{.Names}} {{.State}}', '--filter', 'name=^(held|paused)$']),
  ).toBe('paused paused\nheld running');
  expect(await sh('held', 'echo goes on')).toBe('goes on');
});
