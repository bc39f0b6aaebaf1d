import { describe, expect, test } from 'bun:test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suiteEngine } from './support/suite.ts';

const { engine, docker } = suiteEngine({ tidy: true });
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

describe('logs', () => {
  test('tail, since, until, timestamps, details, streams', async () => {
    await docker.must([
      'run',
      '--name',
      'lg',
      '--log-opt',
      'labels=app',
      '-l',
      'app=demo',
      'busybox',
      'sh',
      '-c',
      'for i in 1 2 3 4; do echo o$i; done; sleep 1.2; echo e5 >&2',
    ]);
    expect((await docker.run(['logs', 'lg'])).stdout).toBe('o1\no2\no3\no4\n');
    expect((await docker.run(['logs', 'lg'])).stderr).toBe('e5\n');
    expect(await docker.run(['logs', '-n', '2', 'lg'])).toMatchObject({ stdout: 'o4\n', stderr: 'e5\n' });
    expect(await docker.must(['logs', '-n', '0', 'lg'])).toBe('');
    const stamped = await docker.run(['logs', '-t', 'lg']);
    expect(stamped.stdout.split('\n')[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z o1$/);
    const last = stamped.stderr.split(' ')[0] ?? '';
    expect(await docker.run(['logs', '--since', last, 'lg'])).toMatchObject({ stdout: '', stderr: 'e5\n' });
    expect(await docker.run(['logs', '--until', '0.5s', 'lg'])).toMatchObject({ stdout: 'o1\no2\no3\no4\n' });
    expect(await docker.run(['logs', '--until', stamped.stdout.split(' ')[0] ?? '', 'lg'])).toMatchObject({
      stderr: '',
    });
    expect((await docker.run(['logs', '--details', 'lg'])).stdout.split('\n')[0]).toBe('app=demo o1');
    await rm('lg');
  });

  test('-f follows to the end; a partial line too', async () => {
    await docker.must([
      'run',
      '-d',
      '--name',
      'lf',
      'busybox',
      'sh',
      '-c',
      'echo a; sleep 0.3; echo b; sleep 0.3; printf c',
    ]);
    expect(await docker.run(['logs', '-f', 'lf'])).toEqual({ code: 0, stdout: 'a\nb\nc', stderr: '' });
    await rm('lf');
    expect(await docker.refused(['logs', 'lf'])).toBe('1: Error response from daemon: No such container: lf');
  });
});

describe('top, port, stats, wait, diff, cp', () => {
  test('top with the usual and with own columns', async () => {
    await sleeper('tt');
    const [titles, process] = (await docker.must(['top', 'tt'])).split('\n');
    expect(titles?.trim().split(/\s+/)).toEqual(['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD']);
    expect(process).toContain('sleep 1000');
    expect((await docker.must(['top', 'tt', '-o', 'pid,args'])).split('\n')[1]).toMatch(/^\d+ +sleep 1000$/);
    expect((await docker.must(['top', 'tt', 'aux'])).split('\n')[0]).toContain('%CPU');
    expect(await docker.refused(['top', 'tt', '-o', 'nosuch'])).toContain('ps');
    await rm('tt');
    expect(await docker.refused(['top', 'tt'])).toContain('No such container: t');
  });

  test('port', async () => {
    await sleeper('po', '-p', '127.0.0.1:47202:80', '-p', '47203:90/udp');
    expect((await docker.must(['port', 'po'])).split('\n').toSorted()).toEqual(
      [
        '80/tcp -> 127.0.0.1:47202',
        '90/udp -> 0.0.0.0:47203',
        ...((await docker.must(['port', 'po'])).includes('[::]') ? ['90/udp -> [::]:47203'] : []),
      ].toSorted(),
    );
    expect(await docker.must(['port', 'po', '80'])).toBe('127.0.0.1:47202');
    expect(await docker.refused(['port', 'po', '81'])).toContain("No public port '81' published");
    await rm('po');
  });

  test('stats: one shot, all columns, and the stream', async () => {
    await sleeper('st', '-m', '64m');
    const columns = '{{.Name}}|{{.CPUPerc}}|{{.MemUsage}}|{{.MemPerc}}|{{.NetIO}}|{{.BlockIO}}|{{.PIDs}}';
    expect(await docker.must(['stats', '--no-stream', '--format', columns, 'st'])).toMatch(
      /^st\|[\d.]+%\|[\d.]+[KM]iB \/ 64MiB\|[\d.]+%\|[\d.]+k?M?B \/ [\d.]+k?B\|[\d.]+[kM]?B \/ [\d.]+[kM]?B\|1$/,
    );
    expect(await docker.must(['stats', '--no-stream', '-a', '--format', '{{.Name}}'])).toBe('st');
    const stream = docker.start(['stats', '--format', '{{.Name}} {{.PIDs}}', 'st']);
    await stream.said(/st 1[^]*st 1/);
    stream.kill();
    await stream.finished;
    await rm('st');
  });

  test('wait', async () => {
    await docker.must(['run', '-d', '--name', 'ww', 'busybox', 'sh', '-c', 'sleep 0.3; exit 8']);
    expect(await docker.must(['wait', 'ww'])).toBe('8');
    await rm('ww');
  });

  test('diff', async () => {
    await docker.must([
      'run',
      '--name',
      'dd',
      'busybox',
      'sh',
      '-c',
      'mkdir /new; echo x > /new/file; rm /bin/vi; echo y >> /etc/passwd',
    ]);
    expect((await docker.must(['diff', 'dd'])).split('\n').toSorted()).toEqual(
      ['A /new', 'A /new/file', 'C /bin', 'C /etc', 'C /etc/passwd', 'D /bin/vi'].toSorted(),
    );
    await rm('dd');
  });

  test('cp: in, out, folders, standard streams, links', async () => {
    const folder = join(engine.folder, 'cp');
    mkdirSync(join(folder, 'tree/deep'), { recursive: true });
    writeFileSync(join(folder, 'tree/deep/file'), 'deep');
    writeFileSync(join(folder, 'one'), '1');
    await sleeper('cc');
    await docker.must(['cp', join(folder, 'one'), 'cc:/tmp/renamed']);
    expect(await docker.must(['exec', 'cc', 'cat', '/tmp/renamed'])).toBe('1');
    await docker.must(['cp', join(folder, 'tree'), 'cc:/tmp']);
    await docker.must(['cp', `${join(folder, 'tree')}/.`, 'cc:/root']);
    expect(await docker.must(['exec', 'cc', 'cat', '/tmp/tree/deep/file', '/root/deep/file'])).toBe(
      'deepdeep',
    );
    await docker.must(['cp', 'cc:/tmp/tree', join(folder, 'back')]);
    expect(readFileSync(join(folder, 'back/deep/file'), 'utf8')).toBe('deep');
    const archive = await docker.run(['cp', 'cc:/tmp/renamed', '-']);
    expect(archive.stdout).toContain('renamed');
    await docker.must(['exec', 'cc', 'ln', '-s', '/tmp/renamed', '/link']);
    await docker.must(['cp', '-L', 'cc:/link', join(folder, 'followed')]);
    expect(readFileSync(join(folder, 'followed'), 'utf8')).toBe('1');
    expect(await docker.refused(['cp', 'cc:/nosuch', folder])).toMatch(
      /Could not find the file \/nosuch in container cc/,
    );
    expect(await docker.refused(['cp', join(folder, 'one'), 'cc:/no/such/dir/'])).toMatch(
      /no such directory|not a directory|Could not find/,
    );
    await rm('cc');
  });

  test('export, import, commit', async () => {
    await docker.must(['run', '--name', 'xx', 'busybox', 'sh', '-c', 'echo made > /made']);
    const file = join(engine.folder, 'x.tar');
    await docker.must(['export', '-o', file, 'xx']);
    const imported = await docker.must([
      'import',
      '-c',
      'CMD ["cat", "/made"]',
      '-m',
      'from tar',
      file,
      'imported:1',
    ]);
    expect(imported).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await docker.must(['run', '--rm', 'imported:1'])).toBe('made');
    expect(
      await docker.must(['commit', '-a', 'me', '-m', 'why', '-c', 'ENV A=b', 'xx', 'committed']),
    ).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await docker.must(['run', '--rm', 'committed', 'sh', '-c', 'cat /made; echo $A'])).toBe('made\nb');
    expect(await docker.inspect('committed', '{{.Author}} {{.Comment}}', 'image')).toBe('me why');
    await rm('xx');
    await docker.must(['rmi', 'imported:1', 'committed']);
  });
});

test('inspect of what is not there', async () => {
  expect(await docker.refused(['inspect', 'nobody'])).toContain('No such object: nobody');
  expect(await docker.refused(['container', 'inspect', 'nobody'])).toContain('No such container: nobody');
});
