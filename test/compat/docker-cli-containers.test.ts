import { describe, expect, test } from 'bun:test';
import { suiteEngine } from './support/suite.ts';

const { docker } = suiteEngine({ tidy: true });
const rm = (...names: string[]) => docker.must(['rm', '-f', '-v', ...names]);
const sleeper = (name: string, ...options: string[]) =>
  docker.must(['run', '-d', '--name', name, '--stop-signal', 'KILL', ...options, 'busybox', 'sleep', '1000']);

describe('the life of a container', () => {
  test('create, start, stop, start, restart, kill, rm', async () => {
    await docker.must(['create', '--name', 'life', '--stop-signal', 'KILL', 'busybox', 'sleep', '1000']);
    const state = () => docker.inspect('life', '{{.State.Status}} {{.State.Running}} {{.State.ExitCode}}');
    expect(await state()).toBe('created false 0');
    expect(await docker.must(['start', 'life'])).toBe('life');
    expect(await docker.must(['start', 'life'])).toBe('life');
    expect(await state()).toBe('running true 0');
    expect(await docker.must(['stop', 'life'])).toBe('life');
    expect(await docker.must(['stop', 'life'])).toBe('life');
    expect(await state()).toBe('exited false 137');
    await docker.must(['start', 'life']);
    const before = await docker.inspect('life', '{{.State.StartedAt}} {{.State.Pid}}');
    await docker.must(['restart', '-t', '0', 'life']);
    expect(await docker.inspect('life', '{{.State.StartedAt}} {{.State.Pid}}')).not.toBe(before);
    expect(await docker.refused(['rm', 'life'])).toMatch(
      /^1: Error response from daemon: cannot remove container "(\/?life|[0-9a-f]+)": container is running: stop the container before removing or force remove$/,
    );
    await docker.must(['kill', 'life']);
    expect(await docker.refused(['kill', 'life'])).toMatch(
      /cannot kill container: life: container [0-9a-f]{64} is not running/i,
    );
    expect(await docker.refused(['kill', 'nosuch'])).toContain(
      'cannot kill container: nosuch: No such container: nosuch',
    );
    expect(await docker.must(['wait', 'life'])).toBe('137');
    expect(await docker.must(['rm', 'life'])).toBe('life');
    expect(await docker.refused(['rm', 'life'])).toBe(
      '1: Error response from daemon: No such container: life',
    );
  });

  test('kill -s sends the signal', async () => {
    await docker.must([
      'run',
      '-d',
      '--name',
      'sig',
      'busybox',
      'sh',
      '-c',
      'trap "exit 9" USR1; while :; do sleep 0.05; done',
    ]);
    await Bun.sleep(200);
    await docker.must(['kill', '-s', 'USR1', 'sig']);
    expect(await docker.must(['wait', 'sig'])).toBe('9');
    await rm('sig');
  });

  test('start -a gives the output and the status; -i the input', async () => {
    await docker.must(['create', '--name', 'att', '-i', 'busybox', 'sh', '-c', 'cat; exit 4']);
    expect(await docker.run(['start', '-ai', 'att'], { input: 'typed' })).toEqual({
      code: 4,
      stdout: 'typed',
      stderr: '',
    });
    await rm('att');
  });

  test('attach shows what comes, and ends with the status', async () => {
    await docker.must([
      'run',
      '-d',
      '-i',
      '--name',
      'att',
      'busybox',
      'sh',
      '-c',
      'read x; echo got $x; exit 6',
    ]);
    const result = await docker.run(['attach', 'att'], { input: 'word\n' });
    expect([result.code, result.stdout]).toEqual([6, 'got word\n']);
    expect(await docker.refused(['attach', 'att'])).toContain('cannot attach to a stopped container');
    await rm('att');
  });

  test('attach --sig-proxy passes signals on', async () => {
    await docker.must([
      'run',
      '-d',
      '--name',
      'prox',
      'busybox',
      'sh',
      '-c',
      'trap "echo caught; exit 3" TERM; echo ready; while :; do sleep 0.05; done',
    ]);
    const running = docker.start(['attach', 'prox']);
    await Bun.sleep(500);
    running.kill('SIGTERM');
    expect(await running.finished).toMatchObject({ code: 3, stdout: expect.stringContaining('caught') });
    await rm('prox');
  });

  test('rename', async () => {
    await sleeper('old');
    await docker.must(['rename', 'old', 'new']);
    expect(await docker.inspect('new', '{{.Name}}')).toBe('/new');
    await sleeper('other');
    expect(await docker.refused(['rename', 'new', 'other'])).toMatch(
      /Conflict\. The container name "\/other" is already in use by container "?[0-9a-f]{64}"?/,
    );
    expect(await docker.refused(['rename', 'new', 'not/valid'])).toContain(
      'Invalid container name (/not/valid)',
    );
    await rm('new', 'other');
  });

  test('names in use, and names that are none', async () => {
    await docker.must(['create', '--name', 'taken', 'busybox']);
    expect(await docker.refused(['create', '--name', 'taken', 'busybox'])).toMatch(
      /^1: Error response from daemon: Conflict\. The container name "\/taken" is already in use by container "[0-9a-f]{64}"\. You have to remove \(or rename\) that container to be able to reuse that name\.$/,
    );
    expect(await docker.refused(['create', '--name', 'a b', 'busybox'])).toBe(
      '1: Error response from daemon: Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed',
    );
    await rm('taken');
  });

  test('pause and unpause', async () => {
    await sleeper('pp');
    await docker.must(['pause', 'pp']);
    expect(await docker.inspect('pp', '{{.State.Status}} {{.State.Paused}} {{.State.Running}}')).toBe(
      'paused true true',
    );
    expect(await docker.must(['ps', '--format', '{{.Status}}', '-f', 'status=paused'])).toMatch(
      /^Up .* \(Paused\)$/,
    );
    expect(await docker.refused(['pause', 'pp'])).toMatch(/already paused/);
    expect(await docker.refused(['exec', 'pp', 'true'])).toMatch(
      /is paused, unpause the container before exec/,
    );
    await docker.must(['unpause', 'pp']);
    expect(await docker.refused(['unpause', 'pp'])).toMatch(/is not paused/);
    expect(await docker.must(['exec', 'pp', 'echo', 'awake'])).toBe('awake');
    await rm('pp');
  });

  test('update', async () => {
    await sleeper('uu');
    await docker.must([
      'update',
      '-m',
      '96m',
      '--memory-swap',
      '192m',
      '--cpus',
      '0.5',
      '--restart',
      'always',
      'uu',
    ]);
    expect(
      await docker.inspect(
        'uu',
        '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}} {{.HostConfig.RestartPolicy.Name}}',
      ),
    ).toBe('100663296 201326592 500000000 always');
    await docker.must(['update', '--restart', 'no', 'uu']);
    await rm('uu');
  });

  test('the restart policy restarts it', async () => {
    await docker.must(['run', '-d', '--name', 'again', '--restart', 'on-failure:2', 'busybox', 'false']);
    const deadline = Date.now() + 15_000;
    while ((await docker.inspect('again', '{{.RestartCount}} {{.State.Status}}')) !== '2 exited') {
      if (Date.now() > deadline)
        throw new Error(await docker.inspect('again', '{{.RestartCount}} {{json .State}}'));
      await Bun.sleep(100);
    }
    await rm('again');
  });

  test('health: starting, healthy, unhealthy', async () => {
    const options = ['--health-interval', '200ms', '--health-retries', '1', '--health-timeout', '2s'];
    await sleeper('sick', ...options, '--health-cmd', 'test -e /ok || { echo missing; exit 1; }');
    const until = async (wanted: string) => {
      const deadline = Date.now() + 15_000;
      while ((await docker.inspect('sick', '{{.State.Health.Status}}')) !== wanted) {
        if (Date.now() > deadline) throw new Error(await docker.inspect('sick', '{{json .State}}'));
        await Bun.sleep(50);
      }
    };
    await until('unhealthy');
    expect(
      await docker.inspect(
        'sick',
        '{{(index .State.Health.Log 0).ExitCode}} {{(index .State.Health.Log 0).Output}}',
      ),
    ).toContain('1 missing');
    expect(await docker.must(['ps', '--format', '{{.Status}}', '-f', 'health=unhealthy'])).toMatch(
      /^Up .* \(unhealthy\)$/,
    );
    await docker.must(['exec', 'sick', 'touch', '/ok']);
    await until('healthy');
    expect(await docker.must(['ps', '--format', '{{.Names}}', '-f', 'health=healthy'])).toBe('sick');
    await rm('sick');
  });

  test('prune removes what is stopped', async () => {
    await docker.must(['create', '--name', 'pr1', '-l', 'keep', 'busybox']);
    await docker.must(['create', '--name', 'pr2', 'busybox']);
    await sleeper('pr3');
    const output = await docker.must(['container', 'prune', '-f', '--filter', 'label!=keep']);
    expect(output).toMatch(/^Deleted Containers:\n[0-9a-f]{64}\n\nTotal reclaimed space: 0B$/);
    expect(await docker.must(['ps', '-a', '--format', '{{.Names}}'])).toBe('pr3\npr1');
    await rm('pr1', 'pr3');
  });
});

describe('exec', () => {
  test('the many ways', async () => {
    await sleeper('ex', '-e', 'FROM=run', '-w', '/tmp');
    expect(await docker.run(['exec', 'ex', 'sh', '-c', 'echo o; echo e >&2; exit 3'])).toEqual({
      code: 3,
      stdout: 'o\n',
      stderr: 'e\n',
    });
    expect(await docker.must(['exec', 'ex', 'pwd'])).toBe('/tmp');
    expect(await docker.must(['exec', '-w', '/etc', 'ex', 'pwd'])).toBe('/etc');
    expect(await docker.must(['exec', '-e', 'MORE=1', 'ex', 'sh', '-c', 'echo $FROM$MORE'])).toBe('run1');
    expect(await docker.must(['exec', '-u', 'nobody', 'ex', 'id', '-un'])).toBe('nobody');
    expect(await docker.must(['exec', '-u', '7:8', 'ex', 'sh', '-c', 'id -u; id -g'])).toBe('7\n8');
    expect(await docker.run(['exec', '-i', 'ex', 'cat'], { input: 'x'.repeat(300_000) })).toMatchObject({
      stdout: 'x'.repeat(300_000),
    });
    expect(
      await docker.must(['exec', '--privileged', 'ex', 'grep', 'CapEff', '/proc/self/status']),
    ).not.toContain('a80425fb');
    expect(await docker.must(['exec', '-d', 'ex', 'touch', '/tmp/detached'])).toBe('');
    expect((await docker.startOnTerminal(['exec', '-it', 'ex', 'sh', '-c', 'tty']).finished).stdout).toMatch(
      /\/dev\/pts\/\d+\r\n/,
    );
    expect(await docker.refused(['exec', 'ex', 'nosuch'])).toMatch(
      /^12[67]: .*executable file not found in \$PATH/s,
    );
    expect(await docker.inspect('ex', '{{json .ExecIDs}}')).toBe('null');
    const long = docker.start(['exec', 'ex', 'sleep', '20']);
    await Bun.sleep(400);
    expect(await docker.inspect('ex', '{{len .ExecIDs}}')).toBe('1');
    await docker.must(['kill', 'ex']);
    expect((await long.finished).code).toBe(137);
    expect(await docker.refused(['exec', 'ex', 'true'])).toMatch(/container [0-9a-f]{64} is not running/i);
    await rm('ex');
  });
});

test('inspect of what is not there', async () => {
  expect(await docker.refused(['inspect', 'nobody'])).toContain('No such object: nobody');
  expect(await docker.refused(['container', 'inspect', 'nobody'])).toContain('No such container: nobody');
});
