import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { NO_VMS, TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

/** Healthchecks, and pausing. */
const engine = new TestEngine();
const LONG = 60_000;

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

interface Health {
  readonly Status: string;
  readonly FailingStreak: number;
  readonly Log: readonly { readonly ExitCode: number; readonly Output: string }[];
}

const docker = (...args: string[]) => engine.mustDocker(...args);
const health = async (name: string): Promise<Health> =>
  (await engine.inspect(name)).State['Health'] as Health;
const becomes = (name: string, status: string, within = 8000): Promise<Health> =>
  until(
    `${name} is ${status}`,
    async () => {
      const now = await health(name);
      return now.Status === status ? now : null;
    },
    within,
  );
const checked = (name: string, script: string, ...more: string[]): Promise<string> =>
  docker(
    ...['run', '-d', '--name', name, '--health-cmd', script, '--health-interval', '150ms'],
    ...[...more, 'busybox', 'sleep', '1000'],
  );

describe('healthchecks', () => {
  test('starting, unhealthy after as many failures as allowed, healthy again; events say so', async () => {
    const since = String(Date.now() / 1000 - 1);
    await checked('web', 'echo looked; test -f /ok', '--health-retries', '2');
    expect((await health('web')).Status).toBe('starting');
    const ill = await becomes('web', 'unhealthy');
    expect(ill.FailingStreak).toBeGreaterThanOrEqual(2);
    expect(ill.Log[0]).toMatchObject({ ExitCode: 1, Output: 'looked\n' });
    expect(await docker('ps', '--filter', 'health=unhealthy', '--format', '{{.Names}} {{.Status}}')).toMatch(
      /^web Up .* \(unhealthy\)$/,
    );
    await docker('exec', 'web', 'touch', '/ok');
    expect(await becomes('web', 'healthy')).toMatchObject({ FailingStreak: 0 });
    const told = await docker(
      ...['events', '--since', since, '--until', String(Date.now() / 1000 + 0.01), '--format', '{{.Action}}'],
      ...['--filter', 'event=health_status', '--filter', 'container=web'],
    );
    expect(told.split('\n')).toEqual(['health_status: unhealthy', 'health_status: healthy']);
    await docker('stop', '-t', '0', 'web');
    expect((await health('web')).Status).toBe('unhealthy');
    await docker('rm', 'web');
  });

  test('a probe that hangs is killed at its timeout; output is bounded; a start period forgives', async () => {
    await checked('hangs', 'sleep 77', '--health-timeout', '200ms', '--health-retries', '1');
    await checked('talks', 'head -c 100000 /dev/zero | tr "\\\\0" x', '--health-retries', '1');
    await checked(
      'slow',
      'test -f /ok',
      '--health-retries',
      '1',
      '--health-start-period',
      '30s',
      '--health-start-interval',
      '100ms',
    );
    const { Log } = await becomes('hangs', 'unhealthy');
    expect(Log[0]).toMatchObject({ ExitCode: -1, Output: 'Health check exceeded timeout (200ms)' });
    const talked = await becomes('talks', 'healthy');
    expect(talked.Log[0]?.Output.length).toBe(4096 + '...'.length);
    await docker('stop', '-t', '0', 'talks', 'hangs');
    await until('the slow one was probed', async () => ((await health('slow')).Log.length > 1 ? true : null));
    expect(await health('slow')).toMatchObject({ Status: 'starting', FailingStreak: 0 });
    await docker('rm', '-f', 'hangs', 'talks', 'slow');
  });

  test('a new daemon goes on with what was known', async () => {
    await checked('kept', 'exit 0');
    await checked('ill', 'exit 3', '--health-retries', '1');
    await docker('run', '-d', '--name', 'paused', 'busybox', 'sleep', '1000');
    await docker('pause', 'paused');
    await Promise.all([becomes('kept', 'healthy'), becomes('ill', 'unhealthy')]);
    await engine.restart();
    expect((await engine.inspect('paused')).State).toMatchObject({ Status: 'paused' });
    await docker('unpause', 'paused');
    const after = await health('kept');
    expect(after.Status).toBe('healthy');
    const streak = (await health('ill')).FailingStreak;
    await until('probing goes on', async () =>
      (await health('ill')).FailingStreak > streak + 1 ? true : null,
    );
    await docker('rm', '-f', 'kept', 'ill', 'paused');
  });

  test('an unhealthy one is restarted where the user wants it', async () => {
    const flags = [
      '--restart-when-unhealthy',
      '--health-cmd',
      'test ! -f /tmp/broken',
      '--health-interval',
      '150ms',
    ];
    await engine.must([
      ...['run', '-d', '--name', 'phoenix', ...flags, '--health-retries', '1', '--stop-timeout', '0'],
      ...['--tmpfs', '/tmp', 'busybox', 'sleep', '1000'],
    ]);
    await becomes('phoenix', 'healthy');
    const { Pid } = (await engine.inspect('phoenix')).State;
    await docker('exec', 'phoenix', 'touch', '/tmp/broken');
    await until('a new run is healthy', async () => {
      const now = await engine.inspect('phoenix');
      const healthy = (now.State['Health'] as Health).Status === 'healthy';
      return healthy && now.State['Pid'] !== Pid && now['RestartCount'] === 1 ? true : null;
    });
    await docker('rm', '-f', 'phoenix');
  });
});

describe('pause', () => {
  test('nothing runs or is probed, and what cannot be is refused in Docker’s words', async () => {
    await checked('still', 'date +%N >> /probes');
    await becomes('still', 'healthy');
    const id = (await engine.inspect('still'))['Id'] as string;
    await docker('pause', 'still');
    expect((await engine.inspect('still')).State).toMatchObject({
      Status: 'paused',
      Running: true,
      Paused: true,
    });
    const probes = (await health('still')).Log.at(-1);
    const refusals = [
      [['pause', 'still'], `Container ${id} is already paused`],
      [['exec', 'still', 'true'], `Container ${id} is paused, unpause the container before exec`],
      [['start', 'still'], 'cannot start a paused container, try unpause instead'],
      [['attach', 'still'], 'paused'],
      [['rm', 'still'], 'container is paused and must be unpaused first'],
    ] as const;
    for (const [args, words] of refusals) expect((await engine.docker(args)).stderr).toContain(words);
    await Bun.sleep(300);
    expect((await health('still')).Log.at(-1)).toEqual(probes);
    await docker('unpause', 'still');
    expect((await engine.docker(['unpause', 'still'])).stderr).toContain(`Container ${id} is not paused`);
    await until('it is probed again', async () =>
      (await health('still')).Log.at(-1) !== probes ? true : null,
    );
    await docker('pause', 'still');
    await docker('kill', 'still');
    expect((await engine.inspect('still')).State).toMatchObject({ Status: 'exited', ExitCode: 137 });
    await docker('start', 'still');
    await docker('pause', 'still');
    await docker('stop', '-t', '0', 'still');
    expect((await engine.inspect('still')).State).toMatchObject({ Status: 'exited', Paused: false });
    await docker('rm', 'still');
  });

  test.skipIf(NO_VMS !== null)(
    'a VM: probed through its agent, paused, restarted by policy',
    async () => {
      await checked(
        'guest',
        'test -f /ok',
        '--isolation',
        'vm',
        '--restart',
        'always',
        '--health-retries',
        '1',
      );
      await becomes('guest', 'unhealthy', 20_000);
      await docker('exec', 'guest', 'touch', '/ok');
      await becomes('guest', 'healthy');
      await docker('pause', 'guest');
      expect(await docker('ps', '--filter', 'status=paused', '--format', '{{.Names}}')).toBe('guest');
      await docker('unpause', 'guest');
      expect(await docker('exec', 'guest', 'echo', 'on')).toBe('on');
      await docker('rm', '-f', 'guest');
    },
    LONG,
  );
});
