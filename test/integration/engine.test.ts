import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { NO_VMS, TestEngine } from '../support/engine.ts';

const engine = new TestEngine();
const LONG = 180_000;

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

async function tcp(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(text));
    let got = '';
    socket.on('data', (chunk) => (got += String(chunk)));
    socket.on('end', () => resolve(got));
    socket.on('error', reject);
    setTimeout(() => reject(new Error('no answer by TCP')), 20_000).unref();
  });
}

async function until<T>(what: string, probe: () => Promise<T | null>, within = 30_000): Promise<T> {
  const deadline = Date.now() + within;
  for (;;) {
    const found = await probe().catch(() => null);
    if (found !== null) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${within} ms`);
    await Bun.sleep(50);
  }
}

// The same for both hulls: nothing above the runtime knows which it is.
describe.each(['container', 'vm'] as const)('%s', (isolation) => {
  const skip = isolation === 'vm' && NO_VMS !== null;
  const run = (...args: string[]): readonly string[] => ['run', '--isolation', isolation, ...args];
  const it = skip ? test.skip : test;
  const main = `main-${isolation}`;
  const shared = join(engine.folder, `shared-${isolation}`);

  it(
    'passes arguments, variables, folder and user; gives the workload’s status and both streams',
    async () => {
      const script = 'echo "$A $(pwd) $(id -u)"; echo oops >&2; exit 7';
      const result = await engine.hull(
        run('--rm', '-e', 'A=b', '-w', '/work', '-u', '1234', 'busybox', 'sh', '-c', script),
      );
      expect(result.stdout).toBe('b /work 1234\n');
      expect(result.stderr.split('\n').filter((line) => !line.startsWith('WARNING'))).toEqual(['oops', '']);
      expect(result.code).toBe(7);
    },
    LONG,
  );

  it(
    'passes standard input through to its end',
    async () => {
      const text = 'line of input\n'.repeat(5000);
      const result = await engine.hull(run('--rm', '-i', 'busybox', 'md5sum'), text);
      expect(result.stdout).toBe(`${new Bun.CryptoHasher('md5').update(text).digest('hex')}  -\n`);
    },
    LONG,
  );

  it(
    'runs in the background with ports, a bind mount, a volume, limits and a read-only root',
    async () => {
      mkdirSync(shared, { recursive: true });
      writeFileSync(join(shared, 'greeting'), `hello ${isolation}`);
      const serve = 'nc -ll -p 7 -e cat & echo ready; while sleep 1; do :; done';
      const options = [
        '-d',
        '--name',
        main,
        '-p',
        '127.0.0.1::7/tcp',
        '-p',
        '127.0.0.1::7/udp',
        '-v',
        `${shared}:/shared`,
      ];
      const more = [
        '-v',
        `data-${isolation}:/data`,
        '--memory',
        '128m',
        '--cpus',
        '1',
        '--read-only',
        '--tmpfs',
        '/tmp',
      ];
      await engine.must(run(...options, ...more, 'busybox', 'sh', '-c', serve));
      await until('the workload is ready', async () =>
        (await engine.must(['logs', main])).includes('ready') ? true : null,
      );
      const { NetworkSettings } = await engine.inspect(main);
      const { Ports } = NetworkSettings as { Ports: Record<string, { HostPort: string }[]> };
      const port = (name: string): number => Number(Ports[name]?.[0]?.HostPort);
      expect(await until('TCP', () => tcp(port('7/tcp'), 'over tcp'))).toBe('over tcp');
      expect(port('7/udp')).toBeGreaterThan(0);
    },
    LONG,
  );

  it(
    'exec sees the same instance, its mounts and its limits',
    async () => {
      const exec = (...args: string[]) => engine.hull(['exec', main, ...args]);
      expect((await exec('cat', '/shared/greeting')).stdout).toBe(`hello ${isolation}`);
      expect((await exec('sh', '-c', 'echo back > /shared/answer; echo kept > /data/kept')).code).toBe(0);
      expect(readFileSync(join(shared, 'answer'), 'utf8')).toBe('back\n');
      expect((await exec('touch', '/root-is-read-only')).code).toBe(1);
      expect((await exec('touch', '/tmp/fine')).code).toBe(0);
      expect((await exec('no-such-command')).code).toBe(127);
      expect((await engine.hull(['exec', '-i', main, 'cat'], 'typed')).stdout).toBe('typed');
      expect(
        (
          await engine.hull([
            'exec',
            '-u',
            '12:34',
            '-w',
            '/data',
            '-e',
            'X=y',
            main,
            'sh',
            '-c',
            'echo $(id -u):$(id -g) $(pwd) $X',
          ])
        ).stdout,
      ).toBe('12:34 /data y\n');
    },
    LONG,
  );

  it(
    'top, stats, inspect and ps show it',
    async () => {
      expect(await engine.must(['top', main])).toContain('nc -ll');
      const stats = JSON.parse(
        await engine.must(['stats', '--no-stream', '--format', 'json', main]),
      ) as Record<string, string>;
      expect(stats['Name']).toBe(main);
      expect(Number.parseFloat(stats['MemUsage'] ?? '0')).toBeGreaterThan(0);
      const row = JSON.parse(
        await engine.must(['ps', '--filter', `name=${main}`, '--format', 'json']),
      ) as Record<string, string>;
      expect(row['Names']).toBe(main);
      expect(row['Ports']).toContain('->7/udp');
      expect((await engine.inspect(main)).State['Running']).toBe(true);
    },
    LONG,
  );

  it(
    'goes on across a killed daemon: same process, ports, logs and exec',
    async () => {
      const before = (await engine.inspect(main)).State['Pid'];
      await engine.restart();
      expect((await engine.inspect(main)).State['Pid']).toBe(before);
      expect((await engine.hull(['exec', main, 'cat', '/data/kept'])).stdout).toBe('kept\n');
      expect(await engine.must(['logs', main])).toContain('ready');
      const { NetworkSettings } = await engine.inspect(main);
      const { Ports } = NetworkSettings as { Ports: Record<string, { HostPort: string }[]> };
      expect(await until('TCP', () => tcp(Number(Ports['7/tcp']?.[0]?.HostPort), 'again'))).toBe('again');
      expect(await engine.findings()).toBe('');
    },
    LONG,
  );

  it(
    'stops, starts again with what it wrote, and is removed',
    async () => {
      await engine.must(['stop', '-t', '1', main]);
      expect((await engine.inspect(main)).State['Status']).toBe('exited');
      await engine.must(['start', main]);
      expect((await engine.hull(['exec', main, 'cat', '/data/kept'])).stdout).toBe('kept\n');
      expect((await engine.hull(['rm', main])).code).toBe(1);
      await engine.must(['rm', '-f', main]);
      expect((await engine.hull(['inspect', main])).code).toBe(1);
      expect(await engine.findings()).toBe('');
      // Also what another daemon had set up.
      expect(readFileSync(engine.logPath, 'utf8')).not.toContain('not taken apart');
    },
    LONG,
  );

  it(
    'keeps the exit status and the output of what ended while no daemon ran',
    async () => {
      const name = `ends-${isolation}`;
      await engine.must(
        run('-d', '--name', name, 'busybox', 'sh', '-c', 'sleep 2; echo last words; exit 42'),
      );
      await engine.crash();
      await Bun.sleep(isolation === 'vm' ? 6000 : 2500);
      await engine.start();
      expect(await engine.must(['wait', name])).toBe('42');
      expect(await engine.must(['logs', name])).toBe('last words');
      await engine.must(['rm', name]);
      expect(await engine.findings()).toBe('');
    },
    LONG,
  );

  it(
    'is killed with status 137 and finds its neighbours by name',
    async () => {
      const [one, two] = [`one-${isolation}`, `two-${isolation}`];
      await engine.must(run('-d', '--name', one, 'busybox', 'sleep', '600'));
      await engine.must(run('-d', '--name', two, 'busybox', 'sleep', '600'));
      const ping = await until('the name resolves', async () => {
        const result = await engine.hull(['exec', one, 'ping', '-c', '1', '-W', '5', two]);
        return result.code === 0 ? result.stdout : null;
      });
      expect(ping).toContain('1 packets received');
      await engine.must(['kill', one]);
      expect(await engine.must(['wait', one])).toBe('137');
      await engine.must(['rm', '-f', one, two]);
    },
    LONG,
  );
});

describe('bad input: a clear error, and nothing left behind', () => {
  test.each([
    [['run', 'no-such-image'], 125, 'no-such-image'],
    [['run', '--memory', '1k', 'busybox', 'true'], 125, 'Minimum memory limit'],
    [['run', '--memory', 'lots', 'busybox', 'true'], 125, 'lots'],
    [['run', '--memory', '900g', 'busybox', 'true'], 125, 'this host has'],
    [['run', '--cpus', '500', 'busybox', 'true'], 125, 'Range of CPUs'],
    [['run', '--cpus', 'two', 'busybox', 'true'], 125, 'two'],
    [['run', '--name', 'no/slash', 'busybox', 'true'], 125, 'Invalid container name'],
    [['run', '-p', '99999:80', 'busybox', 'true'], 125, '99999'],
    [['run', '-v', 'relative/path:/x', 'busybox', 'true'], 125, 'relative/path'],
    [['run', '--isolation', 'jail', 'busybox', 'true'], 125, 'jail'],
    [['run', '--no-such-flag', 'busybox'], 125, "See 'hull run --help'"],
    [['run', 'busybox', '/no/such/program'], 127, '/no/such/program'],
    [['run', 'busybox', '/etc'], 126, '/etc'],
    [['exec', 'nobody', 'true'], 1, 'nobody'],
    [['stop', 'nobody'], 1, 'nobody'],
    [['rmi', 'nothing'], 1, 'nothing'],
  ])('hull %p', async (args, code, message) => {
    const result = await engine.hull(args);
    expect(result.stderr).toContain(message);
    expect(result.code).toBe(code);
  });

  test('a name in use and a port in use name the culprit', async () => {
    await engine.must([
      'run',
      '-d',
      '--name',
      'holder',
      '-p',
      '127.0.0.1:47123:80',
      'busybox',
      'sleep',
      '100',
    ]);
    const name = await engine.hull(['run', '--name', 'holder', 'busybox', 'true']);
    expect([name.code, name.stderr]).toEqual([125, expect.stringContaining('already in use')]);
    const port = await engine.hull(['run', '--rm', '-p', '127.0.0.1:47123:80', 'busybox', 'true']);
    expect([port.code, port.stderr]).toEqual([125, expect.stringContaining('47123')]);
    await engine.must(['rm', '-f', 'holder']);
  });

  test('failed starts leave nothing on the host', async () => {
    const left = (await engine.must(['ps', '-aq'])).split('\n').filter((id) => id !== '');
    if (left.length > 0) await engine.must(['rm', '-f', ...left]);
    expect(await engine.findings()).toBe('');
    expect(
      existsSync(join(engine.folder, 'run/i'))
        ? [...new Bun.Glob('*').scanSync({ cwd: join(engine.folder, 'run/i'), onlyFiles: false })]
        : [],
    ).toEqual([]);
  });
});

describe.skipIf(NO_VMS !== null)('while a VM boots', () => {
  const boot = async (...command: string[]): Promise<Promise<{ code: number; stderr: string }>[]> => {
    const options = ['run', '--rm', '--init', '--isolation', 'vm', '--name', 'booting'];
    const running = engine.hull([...options, 'busybox', ...command]);
    await until('the instance is known', () => engine.inspect('booting'));
    // Long enough for the start to be asked for, and a fraction of what a boot takes.
    await Bun.sleep(200);
    return [running];
  };

  test(
    'a signal is not lost: it reaches the workload',
    async () => {
      const [running] = await boot('sleep', '1000');
      await engine.must(['kill', '-s', 'TERM', 'booting']);
      expect(await running).toMatchObject({ code: 143 });
    },
    LONG,
  );

  test.each([{ words: ['rm', '-f'] }, { words: ['kill'] }])(
    '$words ends it without waiting',
    async ({ words }) => {
      const [running] = await boot('sleep', '1000');
      await engine.must([...words, 'booting']);
      const result = await running;
      expect(result?.stderr).toContain('instance booting was killed while it was being started');
      await until('it is gone', async () =>
        (await engine.must(['ps', '-aq', '--filter', 'name=booting'])) === '' ? true : null,
      );
      expect(await engine.findings()).toBe('');
    },
    LONG,
  );
});

test('a container that takes too much memory is killed, says so, and leaves no file in the daemon’s folder', async () => {
  const eat = 'x=$(head -c 100000000 /dev/zero | tr "\\0" x); echo survived';
  const result = await engine.hull([
    'run',
    '--name',
    'glutton',
    '--memory',
    '16m',
    'busybox',
    'sh',
    '-c',
    eat,
  ]);
  expect([result.code, result.stdout]).toEqual([137, '']);
  expect((await engine.inspect('glutton')).State['OOMKilled']).toBe(true);
  expect(existsSync('oom')).toBe(false);
  await engine.must(['rm', 'glutton']);
});

describe('logs and events', () => {
  test('logs follow to the end, tail and time select', async () => {
    await engine.must([
      'run',
      '-d',
      '--name',
      'talker',
      'busybox',
      'sh',
      '-c',
      'for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done',
    ]);
    expect(await engine.must(['logs', '-f', 'talker'])).toBe('line 1\nline 2\nline 3\nline 4\nline 5');
    expect(await engine.must(['logs', '--tail', '2', 'talker'])).toBe('line 4\nline 5');
    expect(await engine.must(['logs', '-t', '--tail', '1', 'talker'])).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z line 5$/,
    );
    await engine.must(['rm', 'talker']);
  });

  test(
    'a chatty log is bounded, and its end is kept',
    async () => {
      await engine.must([
        'run',
        '--name',
        'chatty',
        'busybox',
        'sh',
        '-c',
        'yes "a line that is repeated until the log is full" | head -c 60000000; echo; echo the end',
      ]);
      const files = [...new Bun.Glob('logs/*/instance.log*').scanSync({ cwd: join(engine.folder, 'data') })];
      const bytes = files.reduce((sum, file) => sum + Bun.file(join(engine.folder, 'data', file)).size, 0);
      expect(bytes).toBeLessThan(45_000_000);
      expect(await engine.must(['logs', '--tail', '1', 'chatty'])).toBe('the end');
      await engine.must(['rm', 'chatty']);
    },
    LONG,
  );

  test('events tell a life from create to destroy', async () => {
    const since = Date.now() / 1000;
    await engine.must(['run', '--rm', '--name', 'eventful', 'busybox', 'true']);
    await Bun.sleep(200);
    const events = await engine.must([
      'events',
      '--since',
      String(since),
      '--until',
      String(Date.now() / 1000),
      '--format',
      'json',
    ]);
    const actions = events.split('\n').map((line) => JSON.parse(line) as { Action: string; Type: string });
    expect(actions.filter(({ Type }) => Type === 'container').map(({ Action }) => Action)).toEqual([
      'create',
      'start',
      'die',
      'destroy',
    ]);
  });
});

test('docker’s own client works against it', async () => {
  if (engine.host.exec.which('docker') === null) return;
  expect((await engine.docker(['run', '--rm', 'busybox', 'echo', 'unchanged'])).stdout).toBe('unchanged\n');
  expect((await engine.docker(['run', '--rm', '-i', 'busybox', 'cat'], 'piped')).stdout).toBe('piped');
  expect((await engine.docker(['run', '--rm', 'busybox', 'sh', '-c', 'exit 9'])).code).toBe(9);
});

test('shutdown returns when nobody answers any more, so that another engine can follow at once', async () => {
  await engine.must(['shutdown']);
  const after = await engine.hull(['version']);
  expect([after.code, after.stderr]).toEqual([1, expect.stringContaining('cannot connect')]);
  await engine.start();
  expect(await engine.findings()).toBe('');
}, 60_000);
