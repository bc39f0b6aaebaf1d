import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

/** What happens after a run ended by itself, with docker's own client. */
const engine = new TestEngine();
const LONG = 60_000;

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

const docker = (...args: string[]) => engine.mustDocker(...args);
const refused = async (...args: string[]): Promise<string> => (await engine.docker(args)).stderr.trim();
const state = async (name: string): Promise<Record<string, unknown> & { RestartCount: number }> => {
  const found = await engine.inspect(name);
  return { ...found.State, RestartCount: Number(found['RestartCount']) };
};
const reaches = (name: string, want: (now: Record<string, unknown>) => boolean, within = 8000) =>
  until(
    `${name} gets there`,
    async () => {
      const now = await state(name);
      return want(now) ? now : null;
    },
    within,
  );

describe('restart policies', () => {
  test(
    'always: restarted after longer and longer waits, until somebody stops it',
    async () => {
      await docker('run', '-d', '--name', 'always', '--restart', 'always', 'busybox', 'false');
      // A wait of 1.6 seconds: long enough to look around.
      const waiting = await reaches(
        'always',
        (now) => now['RestartCount'] === 4 && now['Restarting'] === true,
      );
      const [shown, removal, exec, pause] = await Promise.all([
        docker('ps', '--filter', 'name=always', '--format', '{{.Status}}'),
        refused('rm', 'always'),
        refused('exec', 'always', 'true'),
        refused('pause', 'always'),
      ]);
      expect(waiting).toMatchObject({ Status: 'restarting', Running: true, Pid: 0, ExitCode: 1 });
      expect(shown).toStartWith('Restarting (1)');
      expect(removal).toContain(
        'container is restarting: stop the container before removing or force remove',
      );
      expect(exec).toContain('is restarting, wait until the container is running');
      expect(pause).toContain('is restarting, wait until the container is running');
      await docker('stop', 'always');
      const stopped = await state('always');
      expect(stopped).toMatchObject({ Status: 'exited', Restarting: false });
      // Longer than the wait that the stop has ended.
      await Bun.sleep(2000);
      expect(await state('always')).toEqual(stopped);
      await docker('start', 'always');
      expect((await state('always')).RestartCount).toBeLessThan(stopped.RestartCount);
      await docker('rm', '-f', 'always');
    },
    LONG,
  );

  test('on-failure with a bound gives up; a success is the end of it', async () => {
    await docker(
      'run',
      '-d',
      '--name',
      'twice',
      '--restart',
      'on-failure:2',
      'busybox',
      'sh',
      '-c',
      'exit 9',
    );
    await docker('run', '-d', '--name', 'fine', '--restart', 'on-failure', 'busybox', 'true');
    const given = await reaches('twice', (now) => now['Status'] === 'exited');
    expect(given).toMatchObject({ RestartCount: 2, ExitCode: 9 });
    expect(await reaches('fine', (now) => now['Status'] === 'exited')).toMatchObject({ RestartCount: 0 });
    await docker('rm', 'twice', 'fine');
  });

  test('wait is answered by the next end, kill ends the waiting', async () => {
    await docker(
      'run',
      '-d',
      '--name',
      'again',
      '--restart',
      'always',
      'busybox',
      'sh',
      '-c',
      'sleep 0.2; exit 4',
    );
    expect(await docker('wait', 'again')).toBe('4');
    await reaches('again', (now) => now['Restarting'] === true);
    await docker('kill', 'again');
    expect(await state('again')).toMatchObject({ Status: 'exited', Restarting: false });
    await docker('rm', 'again');
  });

  test('a kill of what runs is the user’s will; a crash is not', async () => {
    await docker('run', '-d', '--name', 'killed', '--restart', 'unless-stopped', 'busybox', 'sleep', '100');
    const { Pid } = await state('killed');
    engine.host.processes.kill(Number(Pid), 9);
    await reaches('killed', (now) => now['RestartCount'] === 1 && now['Status'] === 'running');
    await docker('kill', 'killed');
    expect(await state('killed')).toMatchObject({ Status: 'exited', ExitCode: 137 });
    await docker('rm', 'killed');
  });

  test('nonsense is refused in Docker’s words; an update turns a policy off', async () => {
    const both = await engine.hull(['create', '--rm', '--restart', 'always', 'busybox', 'true']);
    expect(both.stderr).toContain("can't create 'AutoRemove' container with restart policy");
    expect(await refused('create', '--restart', 'sometimes', 'busybox', 'true')).toContain('unknown policy');
    await docker(
      'run',
      '-d',
      '--name',
      'off',
      '--restart',
      'always',
      'busybox',
      'sh',
      '-c',
      'sleep 0.3; exit 1',
    );
    await docker('update', '--restart', 'no', 'off');
    await reaches('off', (now) => now['Status'] === 'exited');
    await docker('rm', 'off');
  });
});

test(
  'a new daemon starts what the policies want: always, not what was stopped by hand, and goes on waiting',
  async () => {
    await docker('run', '-d', '--name', 'stopped-always', '--restart', 'always', 'busybox', 'sleep', '100');
    await docker(
      'run',
      '-d',
      '--name',
      'stopped-unless',
      '--restart',
      'unless-stopped',
      'busybox',
      'sleep',
      '100',
    );
    await docker('run', '-d', '--name', 'runs', '--restart', 'unless-stopped', 'busybox', 'sleep', '100');
    await docker('create', '--name', 'never', '--restart', 'always', 'busybox', 'sleep', '100');
    await docker('run', '-d', '--name', 'waits', '--restart', 'on-failure', 'busybox', 'false');
    await docker('stop', '-t', '0', 'stopped-always', 'stopped-unless');
    const before = await state('runs');
    await reaches('waits', (now) => now['RestartCount'] === 4 && now['Restarting'] === true);
    await engine.restart();
    await reaches('stopped-always', (now) => now['Status'] === 'running');
    await reaches('waits', (now) => Number(now['RestartCount']) > 4);
    expect(await state('stopped-unless')).toMatchObject({ Status: 'exited' });
    expect(await state('never')).toMatchObject({ Status: 'created' });
    expect(await state('runs')).toMatchObject({ Status: 'running', Pid: before['Pid'], RestartCount: 0 });
    await docker('rm', '-f', 'stopped-always', 'stopped-unless', 'runs', 'never', 'waits');
    expect(await engine.findings()).toBe('');
  },
  LONG,
);

test('anonymous volumes of --rm are gone when run returns, and the name is free', async () => {
  for (let count = 0; count < 3; count++)
    await docker('run', '--rm', '--name', 'same', '-v', '/data', 'busybox', 'true');
  expect(await docker('volume', 'ls', '-q')).toBe('');
});

test(
  'an engine that was told to stop everything starts what the policies want when it is back',
  async () => {
    const run = (name: string, policy: string, command: string) =>
      docker(
        'run',
        '-d',
        '--name',
        name,
        '--restart',
        policy,
        '--stop-signal',
        'KILL',
        'busybox',
        'sh',
        '-c',
        command,
      );
    await run('reboot-failure', 'on-failure', 'sleep 1000');
    await run('reboot-unless', 'unless-stopped', 'sleep 1000');
    await run('reboot-no', 'no', 'sleep 1000');
    await run('reboot-stopped', 'on-failure', 'sleep 1000');
    await run('reboot-done', 'on-failure', 'true');
    await reaches('reboot-done', (now) => now['Status'] === 'exited');
    await docker('stop', 'reboot-stopped');
    await engine.must(['shutdown', '--stop']);
    await engine.start();
    await reaches('reboot-failure', (now) => now['Running'] === true);
    await reaches('reboot-unless', (now) => now['Running'] === true);
    for (const name of ['reboot-no', 'reboot-stopped', 'reboot-done'])
      expect((await state(name))['Status']).toBe('exited');
    // Once: the policy of one that is stopped after that is as it was.
    await docker('stop', 'reboot-failure');
    await engine.restart();
    expect((await state('reboot-failure'))['Status']).toBe('exited');
  },
  LONG,
);
