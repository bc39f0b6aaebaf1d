import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NO_VMS, TestEngine } from '../support/engine.ts';

const engine = new TestEngine();
const LONG = 180_000;
setDefaultTimeout(60_000);
const elsewhere = join(engine.folder, 'elsewhere');

/** Files at /data with an owner of their own, an empty folder at /mine that is a volume. */
const BLUEPRINT = `FROM busybox
RUN mkdir -p /data/dir /mine && echo hello > /data/f && ln -s f /data/l && chown -R 1000:1001 /data /mine && chmod 750 /mine
VOLUME /mine
`;

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
  mkdirSync(join(elsewhere, 'sub'), { recursive: true });
  writeFileSync(join(elsewhere, 'sub/file'), 'inside\n');
  symlinkSync('/etc', join(elsewhere, 'out'));
  symlinkSync('sub', join(elsewhere, 'in'));
  await engine.must(['build', '-t', 'filled', '-'], BLUEPRINT);
  await engine.must([
    ...['volume', 'create', '-o', 'type=none', '-o', 'o=bind', '-o', `device=${elsewhere}`, 'bound'],
  ]);
}, LONG);
afterAll(() => engine.destroy(), LONG);

const docker = (...args: string[]) => engine.mustDocker(...args);

async function refused(...args: string[]): Promise<string> {
  const { code, stderr } = await engine.docker(args);
  expect(code).not.toBe(0);
  return stderr;
}

const pathOf = (name: string): Promise<string> => docker('volume', 'inspect', '-f', '{{.Mountpoint}}', name);
const mounts = (): string => readFileSync('/proc/self/mountinfo', 'utf8');
const part = (path: string): string => `type=volume,src=bound,dst=/x,volume-subpath=${path}`;

describe('copy-up', () => {
  test('contents, owner and mode; of an empty folder too; only into an empty volume', async () => {
    const look = 'ls -A /data | tr "\\n" " "; stat -c %u:%g:%a /data /data/f /mine';
    const shown = await docker('run', '--rm', '-v', 'up:/data', 'filled', 'sh', '-c', look);
    expect(shown.split('\n')).toEqual(['dir f l 1000:1001:755', '1000:1001:644', '1000:1001:750']);
    await docker('run', '--rm', '-v', 'up:/data', 'filled', 'rm', '/data/f');
    expect(await docker('run', '--rm', '-v', 'up:/data', 'filled', 'ls', '/data')).toBe('dir\nl');
    const noCopy = 'type=volume,src=plain,dst=/data,volume-nocopy';
    expect(await docker('run', '--rm', '--mount', noCopy, 'filled', 'ls', '/data')).toBe('');
  });

  test('anonymous volumes are marked, and go with --rm', async () => {
    const before = await docker('volume', 'ls', '-q');
    const id = await docker('create', 'filled', 'true');
    const name = await docker('inspect', '-f', '{{(index .Mounts 0).Name}}', id);
    expect(name).toMatch(/^[0-9a-f]{64}$/);
    expect(await docker('volume', 'inspect', '-f', '{{json .Labels}}', name)).toBe(
      '{"com.docker.volume.anonymous":""}',
    );
    expect(await refused('volume', 'rm', name)).toContain(`remove ${name}: volume is in use - [${id}]`);
    await docker('rm', '-v', id);
    expect(await docker('volume', 'ls', '-q')).toBe(before);
  });
});

describe('driver options', () => {
  test('mounted for the first instance, unmounted after the last, whichever daemon looks after them', async () => {
    const path = await pathOf('bound');
    await docker('run', '-d', '--name', 'first', '-v', 'bound:/x', 'busybox', 'sleep', '100');
    await docker('run', '-d', '--name', 'second', '-v', 'bound:/x:ro', 'busybox', 'sleep', '100');
    await docker('rm', '-f', 'first');
    expect(await docker('exec', 'second', 'cat', '/x/sub/file')).toBe('inside');
    await engine.restart();
    expect(await docker('exec', 'second', 'cat', '/x/sub/file')).toBe('inside');
    expect(await engine.findings()).toBe('');
    await docker('rm', '-f', 'second');
    expect(mounts()).not.toContain(path);
    await docker('run', '-d', '--name', 'lost', '-v', 'bound:/x', 'busybox', 'sleep', '100');
    const pid = Number(await docker('inspect', '-f', '{{.State.Pid}}', 'lost'));
    await engine.crash();
    engine.host.processes.kill(pid, 9);
    await engine.start();
    await docker('rm', '-f', 'lost');
    expect(mounts()).not.toContain(path);
    expect(readdirSync(elsewhere).toSorted()).toEqual(['in', 'out', 'sub']);
  });

  test('what cannot be mounted is told in Docker’s words, and leaves nothing', async () => {
    await docker('volume', 'create', '-o', 'type=none', '-o', 'o=bind', '-o', 'device=/no/such', 'broken');
    const path = await pathOf('broken');
    expect(await refused('run', '--rm', '-v', 'broken:/x', 'busybox', 'true')).toContain(
      `error while mounting volume '${path}': failed to mount local volume: mount /no/such:${path}, flags: 0x1000: no such file or directory`,
    );
    expect(await docker('ps', '-aq')).toBe('');
    expect(await refused('volume', 'create', '-d', 'other', 'v1')).toContain('plugin "other" not found');
    expect(await refused('volume', 'create', '-o', 'size=1g', 'v1')).toContain('no quota support');
    expect(await engine.findings()).toBe('');
  });
});

describe('sub-paths', () => {
  test('a folder, a file, a link inside; not one that leads out, nor what is not there', async () => {
    const run = (path: string, ...command: string[]): Promise<string> =>
      docker('run', '--rm', '--mount', part(path), 'busybox', ...command);
    expect(await run('sub', 'ls', '/x')).toBe('file');
    expect(await run('in', 'ls', '/x')).toBe('file');
    expect(await run('sub/file', 'cat', '/x')).toBe('inside');
    const failure = (path: string): Promise<string> =>
      refused('run', '--rm', '--mount', part(path), 'busybox', 'true');
    expect(await failure('none')).toContain(`cannot access path ${await pathOf('bound')}/none`);
    expect(await failure('out')).toContain('escapes the base directory');
    expect(await failure('../sub')).toContain('must be a relative path within the volume');
    expect(mounts()).not.toContain(engine.folder + '/run/volumes');
  });

  test('stays what it was at the start, and is where docker cp looks', async () => {
    await docker('run', '-d', '--name', 'user', '--mount', part('sub'), 'busybox', 'sleep', '100');
    expect(await docker('exec', 'user', 'ls', '/x')).toBe('file');
    await engine.restart();
    expect(await docker('exec', 'user', 'ls', '/x')).toBe('file');
    await docker('stop', '-t', '0', 'user');
    await docker('cp', 'user:/x/file', join(engine.folder, 'copied'));
    expect(readFileSync(join(engine.folder, 'copied'), 'utf8')).toBe('inside\n');
    await docker('rm', 'user');
    expect(mounts()).not.toContain(engine.folder + '/run/volumes');
    expect(await engine.findings()).toBe('');
  });
});

describe('what Docker refuses', () => {
  test('another name, for stopped and running instances alike', async () => {
    await docker('run', '-d', '--name', 'runs', '-v', 'old:/x', 'busybox', 'sleep', '100');
    await docker('create', '--name', 'stopped', '-v', 'old:/x', 'busybox', 'ls', '/x');
    await engine.must(['volume', 'rename', 'old', 'new']);
    await docker('exec', 'runs', 'touch', '/x/written');
    expect(await docker('start', '-a', 'stopped')).toBe('written');
    expect(await docker('ps', '-aq', '--filter', 'volume=new')).not.toBe('');
    expect(await refused('volume', 'rm', 'new')).toContain('volume is in use');
    expect(await refused('volume', 'inspect', 'old')).toContain('no such volume');
    await docker('rm', '-f', 'runs', 'stopped');
  });

  test('a clone and a snapshot, of what nobody writes to meanwhile', async () => {
    await docker('run', '-d', '--name', 'writer', '-v', 'live:/data', 'filled', 'sleep', '100');
    const early = await engine.hull(['volume', 'clone', 'live', 'copy']);
    expect([early.code, early.stderr]).toEqual([1, expect.stringContaining('--live')]);
    await engine.must(['volume', 'clone', '--live', 'live', 'hot']);
    await docker('rm', '-f', 'writer');
    expect(await engine.must(['volume', 'snapshot', 'live', 'before'])).toBe('before');
    expect(await docker('run', '--rm', '-v', 'live:/data', 'busybox', 'rm', '-r', '/data/dir')).toBe('');
    await engine.must(['volume', 'clone', 'live', 'copy']);
    await engine.must(['volume', 'snapshot-restore', 'live', 'before']);
    const look = (name: string): Promise<string> =>
      docker('run', '--rm', '-v', `${name}:/data`, 'busybox', 'sh', '-c', 'ls /data | tr "\\n" " "');
    expect([await look('hot'), await look('copy'), await look('live')]).toEqual([
      'dir f l',
      'f l',
      'dir f l',
    ]);
    expect((await engine.hull(['volume', 'rm', 'live'])).stderr).toContain('snapshot-rm live before');
    await engine.must(['volume', 'snapshot-rm', 'live', 'before']);
    await engine.must(['volume', 'rm', 'live', 'hot', 'copy']);
  });
});

test('listing, pruning and events as Docker has them', async () => {
  const since = String(Math.floor(Date.now() / 1000));
  await docker('volume', 'create', '--label', 'kind=test', 'named');
  const anonymous = await docker('volume', 'create', '--label', 'kind=test');
  expect(await docker('volume', 'ls', '-q', '--filter', 'name=^nam', '--filter', 'dangling=true')).toBe(
    'named',
  );
  await docker('run', '--rm', '-v', 'named:/x:ro', 'busybox', 'true');
  const pruned = await docker('volume', 'prune', '-f', '--filter', 'label=kind=test');
  expect(pruned).toContain(anonymous);
  expect(await docker('volume', 'prune', '-f', '-a', '--filter', 'label!=kind=test')).not.toContain('named');
  expect(await docker('volume', 'prune', '-f', '-a', '--filter', 'label=kind')).toContain('named');
  await Bun.sleep(1000);
  const until = String(Math.floor(Date.now() / 1000));
  const events = await docker(
    ...['events', '--since', since, '--until', until, '--filter', 'volume=named'],
    ...['--format', '{{.Action}} {{.Actor.Attributes}}'],
  );
  expect(events.split('\n')).toEqual([
    'create map[driver:local]',
    expect.stringMatching(
      /^mount map\[container:\w{64} destination:\/x driver:local propagation: read\/write:false\]$/,
    ),
    expect.stringMatching(/^unmount map\[container:\w{64} driver:local\]$/),
    'destroy map[driver:local]',
  ]);
});

test('volumes of instances that come and go are pruned meanwhile: every instance runs and goes', async () => {
  let running = true;
  const pruning = (async (): Promise<void> => {
    while (running) await engine.must(['volume', 'prune']);
  })();
  for (let round = 0; round < 10; round++) {
    const runs = Array.from({ length: 3 }, () => docker('run', '--rm', 'filled', 'true'));
    await Promise.all(runs);
  }
  running = false;
  await pruning;
  expect(await engine.findings()).toBe('');
});

describe.skipIf(NO_VMS !== null)('in a VM', () => {
  test('copy-up, a sub-path, and what it writes', async () => {
    const command = 'stat -c %u:%g:%a /data /mine; cat /x/file; echo w > /data/new';
    const shown = await engine.must([
      ...['run', '--rm', '--isolation', 'vm', '-v', 'machine:/data', '--mount', part('sub')],
      ...['filled', 'sh', '-c', command],
    ]);
    expect(shown.split('\n')).toEqual(['1000:1001:755', '1000:1001:750', 'inside']);
    expect(readdirSync(await pathOf('machine')).toSorted()).toEqual(['dir', 'f', 'l', 'new']);
    expect(await engine.findings()).toBe('');
  });
});
