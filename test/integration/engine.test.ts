import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { NO_VMS, TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

const engine = new TestEngine();
const LONG = 180_000;

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

describe('bad input: a clear error, and nothing left behind', () => {
  test.each([
    [['run', 'no-such-image'], 125, 'no-such-image'],
    [['run', '--memory', '1k', 'busybox', 'true'], 125, 'Minimum memory limit'],
    [['run', '--memory', 'lots', 'busybox', 'true'], 125, 'lots'],
    [['run', '--memory', '900g', 'busybox', 'true'], 125, 'this host has'],
    [['run', '--cpus', '500', 'busybox', 'true'], 125, 'ange of CPUs'],
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
    'a signal that ends programs ends it, with the status that a shell says',
    async () => {
      const [running] = await boot('sleep', '1000');
      await engine.must(['kill', '-s', 'TERM', 'booting']);
      const { code, stderr } = (await running) ?? {};
      expect([code, stderr]).toEqual([143, expect.stringContaining('was ended by signal 15')]);
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
      'attach',
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
