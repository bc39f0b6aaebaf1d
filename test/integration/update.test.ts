import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { NO_VMS, TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

/** Changes of instances that exist: what Docker can, and what it cannot. */
const engine = new TestEngine();
const LONG = 60_000;

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

const docker = (...args: string[]) => engine.mustDocker(...args);
const refused = async (...args: string[]): Promise<string> => (await engine.docker(args)).stderr.trim();
const format = (name: string, template: string): Promise<string> =>
  docker('inspect', '--format', template, name);
const page = async (port: number): Promise<string> => {
  return until(`port ${port} answers`, async () => (await fetch(`http://127.0.0.1:${port}/`)).text(), 5000);
};
const SERVE =
  'echo started $WHO; echo line >> /data/runs; mkdir -p /w; echo $WHO > /w/index.html; httpd -f -p 80 -h /w';

describe('docker update', () => {
  test('limits change while it runs, and are kept for the next run', async () => {
    await docker(
      'run',
      '-d',
      '--name',
      'limited',
      '-m',
      '64m',
      '--pids-limit',
      '50',
      'busybox',
      'sleep',
      '1000',
    );
    await docker('update', '-m', '32m', '--pids-limit', '20', '--cpu-shares', '512', 'limited');
    const wanted = '33554432 20 512';
    expect(
      await format('limited', '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.CpuShares}}'),
    ).toBe(wanted);
    const limit = (): Promise<string> =>
      docker('stats', '--no-stream', '--format', '{{.MemUsage}}', 'limited');
    expect(await limit()).toEndWith('/ 32MiB');
    await docker('restart', '-t', '0', 'limited');
    expect(await limit()).toEndWith('/ 32MiB');
    expect(await refused('update', '-m', '512m', 'limited')).toContain(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    );
    expect(await refused('update', '-m', '1m', 'limited')).toContain('Minimum memory limit allowed is 6MB');
    await docker('stop', '-t', '0', 'limited');
    await docker('update', '--cpu-shares', '99', 'limited');
    expect(await format('limited', '{{.HostConfig.CpuShares}}')).toBe('99');
    await docker('rm', 'limited');
  });

  test('a policy, but not for what goes at its end', async () => {
    await docker('run', '-d', '--rm', '--name', 'goes', 'busybox', 'sleep', '1000');
    expect(await refused('update', '--restart', 'always', 'goes')).toContain(
      'Restart policy cannot be updated because AutoRemove is enabled for the container',
    );
    expect(await refused('update', '--restart', 'no:3', 'goes')).toContain('maximum retry count');
    await docker('rm', '-f', 'goes');
  });
});

test('rename: names lead to it at once, everywhere', async () => {
  await docker('network', 'create', 'office');
  await docker('run', '-d', '--name', 'before', '--network', 'office', 'busybox', 'sleep', '1000');
  await docker('run', '-d', '--name', 'asks', '--network', 'office', 'busybox', 'sleep', '1000');
  const since = String(Date.now() / 1000);
  await docker('rename', 'before', 'after');
  const told = docker(
    'events',
    '--since',
    since,
    '--until',
    String(Date.now() / 1000 + 0.01),
    '--format',
    '{{json .Actor.Attributes}}',
    '--filter',
    'event=rename',
  );
  expect(JSON.parse(await told)).toMatchObject({ oldName: '/before', name: 'after' });
  await docker('exec', 'asks', 'ping', '-c', '1', '-W', '1', 'after');
  expect((await engine.docker(['exec', 'asks', 'ping', '-c', '1', '-W', '1', 'before'])).code).not.toBe(0);
  expect(await refused('rename', 'after', 'asks')).toContain(
    'The container name "/asks" is already in use by container',
  );
  expect(await refused('rename', 'after', 'no/good')).toContain('Invalid container name (/no/good)');
  expect(await refused('rename', 'after', 'after')).toContain(
    'Renaming a container with the same name as its current name',
  );
  await docker('run', '-d', '--name', 'before', 'busybox', 'true');
  await docker('rm', '-f', 'before', 'after', 'asks');
  await docker('network', 'rm', 'office');
});

describe('hull update: what Docker cannot change', () => {
  const facts = (): Promise<string> => format('web', '{{.Id}} {{.NetworkSettings.IPAddress}} {{.Name}}');

  test('ports move without a new run', async () => {
    const env = ['-e', 'WHO=one', '-v', 'runs:/data', '--stop-timeout', '0'];
    await docker(
      'run',
      '-d',
      '--name',
      'web',
      '-p',
      '127.0.0.1:47311:80',
      ...env,
      'busybox',
      'sh',
      '-c',
      SERVE,
    );
    expect(await page(47311)).toBe('one\n');
    const [before, pid] = [await facts(), await format('web', '{{.State.Pid}}')];
    await engine.must(['update', '--publish', '127.0.0.1:47312:80', 'web']);
    expect(await page(47312)).toBe('one\n');
    expect(await fetch('http://127.0.0.1:47311/').catch(() => 'refused')).toBe('refused');
    expect([await facts(), await format('web', '{{.State.Pid}}')]).toEqual([before, pid]);
    await engine.must(['update', '--unpublish', '80', 'web']);
    expect(await docker('port', 'web')).toBe('');
    await engine.must(['update', '--publish', '127.0.0.1:47313:80', 'web']);
  });

  test('variables and volumes take a new run in the same place: id, address, files, volumes and logs stay', async () => {
    const before = await facts();
    await docker('exec', 'web', 'touch', '/written');
    await engine.must([
      'update',
      '--env',
      'WHO=two',
      '--volume',
      'more:/more',
      '--label',
      'tier=front',
      'web',
    ]);
    expect(await page(47313)).toBe('two\n');
    expect(await facts()).toBe(before);
    expect(await docker('logs', 'web')).toBe('started one\nstarted two');
    expect(
      await docker('exec', 'web', 'sh', '-c', 'ls /written; wc -l < /data/runs; touch /more/x; echo ok'),
    ).toBe('/written\n2\nok');
    expect(await format('web', '{{index .Config.Labels "tier"}}')).toBe('front');
    expect(await docker('ps', '--filter', 'volume=more', '--format', '{{.Names}}')).toBe('web');
  });

  test('what cannot be leaves everything as it was', async () => {
    const [before, pid] = [await facts(), await format('web', '{{.State.Pid}}')];
    await docker('run', '-d', '--name', 'holder', '-p', '127.0.0.1:47314:80', 'busybox', 'sleep', '100');
    const failing = [
      [['--publish', '127.0.0.1:47314:80'], '47314'],
      [['--mount', 'type=bind,source=/no/such,target=/x'], '/no/such'],
      [['--unpublish', '99'], 'not published'],
      [['--unmount', '/nowhere'], 'nothing is mounted'],
      [['--memory', '1k'], 'Minimum memory'],
    ] as const;
    for (const [flags, words] of failing) {
      const { code, stderr } = await engine.hull(['update', ...flags, 'web']);
      expect([code, stderr]).toEqual([1, expect.stringContaining(words)]);
    }
    expect([await facts(), await format('web', '{{.State.Pid}}')]).toEqual([before, pid]);
    expect(await page(47313)).toBe('two\n');
    // A run that cannot start: the old one comes back, with its ports.
    const broken = await engine.hull([
      'update',
      '--volume',
      '/etc/hostname:/bin',
      '--publish',
      '127.0.0.1:47315:80',
      'web',
    ]);
    expect(broken.code).toBe(1);
    expect(await page(47313)).toBe('two\n');
    expect(await facts()).toBe(before);
    expect(await docker('port', 'web')).toBe('80/tcp -> 127.0.0.1:47313');
    await docker('rm', '-f', 'web', 'holder');
    expect(await engine.findings()).toBe('');
  });

  test.skipIf(NO_VMS !== null)(
    'a VM gets its memory by a new run',
    async () => {
      await docker(
        'run',
        '-d',
        '--name',
        'guest',
        '--isolation',
        'vm',
        '-m',
        '128m',
        '--stop-timeout',
        '0',
        'busybox',
        'sleep',
        '1000',
      );
      expect(await refused('update', '-m', '160m', 'guest')).toContain('cannot change while it runs');
      const total = async (): Promise<number> =>
        Number(await docker('exec', 'guest', 'sh', '-c', "awk '/MemTotal/ {print $2}' /proc/meminfo"));
      const before = await total();
      await engine.must(['update', '-m', '192m', '--memory-swap', '-1', 'guest']);
      expect(await total()).toBeGreaterThan(before + 40_000);
      await docker('rm', '-f', 'guest');
    },
    LONG,
  );
});
