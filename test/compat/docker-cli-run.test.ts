import { describe, expect, test } from 'bun:test';
import { mkdirSync, writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suiteEngine } from './support/suite.ts';

const { engine, docker } = suiteEngine({ tidy: true });
const HOST_NAME = readFileSync('/proc/sys/kernel/hostname', 'utf8').trim();
const rm = (...names: string[]) => docker.must(['rm', '-f', '-v', ...names]);
const inBusybox = (options: readonly string[], script: string) =>
  docker.must(['run', '--rm', ...options, 'busybox', 'sh', '-c', script]);

describe('run: streams and status', () => {
  test('output and errors apart', async () => {
    expect(await docker.run(['run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2'])).toEqual({
      code: 0,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  test.each([0, 1, 7, 125, 126, 127, 255])('the status %p', async (code) => {
    expect((await docker.run(['run', '--rm', 'busybox', 'sh', '-c', `exit ${code}`])).code).toBe(code);
  });

  test('killed by a signal: 137', async () => {
    expect((await docker.run(['run', '--rm', '--init', 'busybox', 'sh', '-c', 'kill -9 $$'])).code).toBe(137);
  });

  test('a missing program is 127, a folder 126', async () => {
    const missing = await docker.refused(['run', '--rm', 'busybox', 'nosuch']);
    expect(missing).toStartWith('127: docker: Error response from daemon: ');
    expect(missing).toContain('exec: "nosuch": executable file not found in $PATH');
    expect(await docker.refused(['run', '--rm', 'busybox', '/etc'])).toStartWith(
      '126: docker: Error response',
    );
  });

  test('an image that is nowhere: 125', async () => {
    const refusal = await docker.refused(['run', '--rm', '--pull', 'never', 'nosuch:1', 'true']);
    expect(refusal).toStartWith('125: docker: Error response from daemon: No such image: nosuch:1');
  });

  test('input goes through, and its end ends the command', async () => {
    const input = 'line\n'.repeat(20_000);
    const result = await docker.run(['run', '--rm', '-i', 'busybox', 'cat'], { input });
    expect(result.stdout === input).toBe(true);
    expect(await docker.must(['run', '--rm', '-i', 'busybox', 'wc', '-c'], { input: 'abc' })).toBe('3');
  });

  test('a megabyte of output arrives whole', async () => {
    const result = await docker.run([
      'run',
      '--rm',
      'busybox',
      'sh',
      '-c',
      'yes 0123456789abcde | head -c 1048576',
    ]);
    expect(result.stdout.length).toBe(1_048_576);
  });

  test('-a stdout alone shows no errors', async () => {
    const args = ['run', '--rm', '-a', 'stdout', 'busybox', 'sh', '-c', 'echo out; echo err >&2'];
    expect(await docker.run(args)).toEqual({ code: 0, stdout: 'out\n', stderr: '' });
  });

  test('-d prints the id; --cidfile writes it', async () => {
    const file = join(engine.folder, 'cid');
    const id = await docker.must([
      'run',
      '-d',
      '--name',
      'detached',
      '--cidfile',
      file,
      'busybox',
      'sleep',
      '60',
    ]);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(readFileSync(file, 'utf8')).toBe(id);
    await rm('detached');
  });

  test('--rm removes the container and its anonymous volumes', async () => {
    await docker.must(['run', '--rm', '--name', 'gone', '-v', '/data', 'busybox', 'true']);
    expect(await docker.must(['ps', '-aq', '-f', 'name=gone'])).toBe('');
    expect(await docker.must(['volume', 'ls', '-q'])).toBe('');
  });
});

describe('run: on a terminal', () => {
  test('-it has a terminal of the client’s size', async () => {
    const running = docker.startOnTerminal(['run', '--rm', '-it', 'busybox', 'sh', '-c', 'tty; stty size']);
    const { stdout, code } = await running.finished;
    expect(stdout).toContain('/dev/pts/0\r\n');
    expect(code).toBe(0);
  });

  test('-it: what is typed arrives, ^D ends', async () => {
    const running = docker.startOnTerminal(['run', '--rm', '-it', 'busybox', 'sh']);
    await running.said(/# /);
    running.send('echo $((20+3))\n');
    await running.said(/\n23\r\n/);
    running.send('exit 5\n');
    expect((await running.finished).code).toBe(5);
  });

  test('the detach keys leave it running', async () => {
    const running = docker.startOnTerminal(['run', '-it', '--name', 'left', 'busybox', 'sh']);
    await running.said(/# /);
    running.send('\x10\x11');
    expect((await running.finished).code).toBe(0);
    expect(await docker.inspect('left', '{{.State.Running}} {{.Config.Tty}} {{.Config.OpenStdin}}')).toBe(
      'true true true',
    );
    await rm('left');
  });

  test('own detach keys', async () => {
    const running = docker.startOnTerminal([
      'run',
      '-it',
      '--detach-keys',
      'ctrl-a,b',
      '--name',
      'own',
      'busybox',
      'sh',
    ]);
    await running.said(/# /);
    running.send('\x01b');
    expect((await running.finished).code).toBe(0);
    expect(await docker.inspect('own', '{{.State.Running}}')).toBe('true');
    await rm('own');
  });

  test('-t without input', async () => {
    expect(await docker.run(['run', '--rm', '-t', 'busybox', 'echo', 'hi'])).toMatchObject({
      stdout: 'hi\r\n',
    });
  });
});

describe('run: the process', () => {
  test('-e, --env-file, and what comes with it', async () => {
    const file = join(engine.folder, 'env');
    writeFileSync(file, '# comment\nFROM_FILE=yes\nHOME_OF_TEST\n');
    const text = await docker.must(
      ['run', '--rm', '-h', 'boxname', '-e', 'A=b c', '-e', 'EMPTY=', '--env-file', file, 'busybox', 'env'],
      { env: { HOME_OF_TEST: 'here' } },
    );
    const lines = text.split('\n').toSorted();
    expect(lines).toEqual(
      [
        'A=b c',
        'EMPTY=',
        'FROM_FILE=yes',
        'HOME=/root',
        'HOME_OF_TEST=here',
        'HOSTNAME=boxname',
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      ].toSorted(),
    );
  });

  test.each([
    ['--user by number', ['--user', '12:34'], 'id -u; id -g', '12\n34'],
    ['--user by name', ['--user', 'nobody'], 'id -un', 'nobody'],
    ['--workdir is made', ['-w', '/some/where'], 'pwd', '/some/where'],
    ['--hostname', ['--hostname', 'h1'], 'hostname; grep -c h1 /etc/hosts', 'h1\n1'],
    [
      '--domainname',
      ['--hostname', 'h1', '--domainname', 'd.test'],
      'cat /proc/sys/kernel/domainname',
      'd.test',
    ],
    ['--hostname with dots', ['--hostname', 'h1.d.test'], 'grep h1 /etc/hosts | cut -f2', 'h1.d.test h1'],
    ['the mark of a container', [], 'ls /.dockerenv', '/.dockerenv'],
    ['the multicast names', [], 'grep -c ip6-all /etc/hosts', '2'],
    ['--init is process 1', ['--init'], 'cat /proc/1/comm | grep -c init', '1'],
    ['--entrypoint', ['--entrypoint', '/bin/echo'], 'x', 'sh -c x'],
    ['--read-only', ['--read-only'], 'touch /x 2>/dev/null || echo refused', 'refused'],
    [
      '--tmpfs',
      ['--tmpfs', '/t:size=64k,mode=1700'],
      'df -k /t | tail -1 | awk "{print \\$1, \\$2}"',
      'tmpfs 64',
    ],
    ['--shm-size', ['--shm-size', '128k'], 'df -k /dev/shm | tail -1 | awk "{print \\$2}"', '128'],
    ['--ulimit', ['--ulimit', 'nofile=100:200'], 'ulimit -n; ulimit -Hn', '100\n200'],
    ['--cap-drop', ['--cap-drop', 'ALL'], 'grep CapEff /proc/self/status', 'CapEff:\t0000000000000000'],
    [
      '--cap-add',
      ['--cap-drop', 'ALL', '--cap-add', 'CHOWN'],
      'grep CapEff /proc/self/status',
      'CapEff:\t0000000000000001',
    ],
    ['the default capabilities', [], 'grep CapEff /proc/self/status', 'CapEff:\t00000000a80425fb'],
    [
      'no-new-privileges',
      ['--security-opt', 'no-new-privileges'],
      'grep NoNewPrivs /proc/self/status',
      'NoNewPrivs:\t1',
    ],
    ['seccomp by default', [], 'grep Seccomp: /proc/self/status', 'Seccomp:\t2'],
    [
      'seccomp=unconfined',
      ['--security-opt', 'seccomp=unconfined'],
      'grep Seccomp: /proc/self/status',
      'Seccomp:\t0',
    ],
    [
      '--sysctl',
      ['--sysctl', 'net.ipv4.ip_unprivileged_port_start=80'],
      'cat /proc/sys/net/ipv4/ip_unprivileged_port_start',
      '80',
    ],
    ['--group-add', ['--user', '5:6', '--group-add', '7'], 'id -G', '6 7'],
    ['--add-host', ['--add-host', 'other:10.1.2.3'], 'grep other /etc/hosts', '10.1.2.3\tother'],
    ['--dns', ['--dns', '9.9.9.9', '--network', 'none'], 'true', ''],
    ['--pid host', ['--pid', 'host'], 'test $$ -gt 20 && echo many', 'many'],
    ['--uts host', ['--uts', 'host'], 'hostname', HOST_NAME],
    ['--ipc none', ['--ipc', 'none'], 'grep -c " /dev/shm " /proc/mounts || true', '0'],
    ['--device', ['--device', '/dev/null:/dev/nothing:rw'], 'test -c /dev/nothing && echo device', 'device'],
    [
      '--privileged',
      ['--privileged'],
      'grep CapEff /proc/self/status | wc -c; grep Seccomp: /proc/self/status',
      '25\nSeccomp:\t0',
    ],
    ['--oom-score-adj', ['--oom-score-adj', '200'], 'cat /proc/self/oom_score_adj', '200'],
  ])('%s', async (_name, options, script, answer) => {
    expect(await inBusybox(options, script)).toBe(answer);
  });

  test.each([
    ['-m', ['-m', '64m'], '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}', '67108864 134217728'],
    [
      '--memory-reservation',
      ['--memory-reservation', '32m'],
      '{{.HostConfig.MemoryReservation}}',
      '33554432',
    ],
    ['--cpus', ['--cpus', '1.5'], '{{.HostConfig.NanoCpus}}', '1500000000'],
    ['--cpu-shares', ['--cpu-shares', '512'], '{{.HostConfig.CpuShares}}', '512'],
    [
      '--cpu-quota',
      ['--cpu-period', '50000', '--cpu-quota', '25000'],
      '{{.HostConfig.CpuPeriod}} {{.HostConfig.CpuQuota}}',
      '50000 25000',
    ],
    ['--cpuset-cpus', ['--cpuset-cpus', '0'], '{{.HostConfig.CpusetCpus}}', '0'],
    ['--pids-limit', ['--pids-limit', '50'], '{{.HostConfig.PidsLimit}}', '50'],
    [
      '-l and --label',
      ['-l', 'a=b', '--label', 'c'],
      '{{index .Config.Labels "a"}}{{json (index .Config.Labels "c")}}',
      'b""',
    ],
    [
      '--stop-signal',
      ['--stop-signal', 'SIGINT', '--stop-timeout', '3'],
      '{{.Config.StopSignal}} {{.Config.StopTimeout}}',
      'SIGINT 3',
    ],
    [
      '--restart',
      ['--restart', 'on-failure:3'],
      '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}',
      'on-failure 3',
    ],
    [
      '--log-opt',
      ['--log-opt', 'max-size=1m', '--log-opt', 'max-file=2'],
      '{{.HostConfig.LogConfig.Type}} {{json .HostConfig.LogConfig.Config}}',
      'json-file {"max-file":"2","max-size":"1m"}',
    ],
    [
      '--health-cmd',
      ['--health-cmd', 'true', '--health-interval', '5s', '--health-retries', '2'],
      '{{json .Config.Healthcheck}}',
      '{"Test":["CMD-SHELL","true"],"Interval":5000000000,"Retries":2}',
    ],
    [
      '--expose',
      ['--expose', '81', '--expose', '90-91/udp'],
      '{{json .Config.ExposedPorts}}',
      '{"81/tcp":{},"90/udp":{},"91/udp":{}}',
    ],
    ['--annotation', ['--annotation', 'k=v'], '{{json .HostConfig.Annotations}}', '{"k":"v"}'],
    ['--isolation', ['--isolation', 'container'], '{{.HostConfig.Isolation}}', 'container'],
    ['--userns host', ['--userns', 'host'], '{{.HostConfig.UsernsMode}}', 'host'],
    ['--cgroupns', ['--cgroupns', 'host'], '{{.HostConfig.CgroupnsMode}}', 'host'],
    ['--platform', ['--platform', 'linux/amd64'], '{{.Platform}}', 'linux'],
    ['--runtime', ['--runtime', 'runc'], '{{.HostConfig.Runtime}}', 'runc'],
    ['--volume-driver', ['--volume-driver', 'local'], '{{.HostConfig.VolumeDriver}}', 'local'],
  ])('create %s is shown by inspect', async (_name, options, template, answer) => {
    const id = await docker.must(['create', ...options, 'busybox', 'true']);
    try {
      expect(await docker.inspect(id, template)).toBe(answer);
    } finally {
      await rm(id);
    }
  });

  test('the memory limit holds', async () => {
    const args = ['run', '--name', 'hungry', '-m', '16m', 'busybox', 'sh', '-c', 'tail /dev/zero'];
    expect((await docker.run(args)).code).toBe(137);
    expect(await docker.inspect('hungry', '{{.State.OOMKilled}}')).toBe('true');
    await rm('hungry');
  });
});

describe('run: mounts', () => {
  test('binds, read-only too', async () => {
    const folder = join(engine.folder, 'bound');
    mkdirSync(folder);
    writeFileSync(join(folder, 'f'), 'from the host');
    expect(await inBusybox(['-v', `${folder}:/b`], 'cat /b/f; echo back > /b/g')).toBe('from the host');
    expect(readFileSync(join(folder, 'g'), 'utf8')).toBe('back\n');
    expect(await inBusybox(['-v', `${folder}:/b:ro`], 'touch /b/x 2>/dev/null || echo refused')).toBe(
      'refused',
    );
    const mount = `type=bind,source=${folder},target=/b,readonly`;
    expect(await inBusybox(['--mount', mount], 'touch /b/x 2>/dev/null || echo refused')).toBe('refused');
  });

  test('a missing source: -v makes it, --mount refuses', async () => {
    await inBusybox(['-v', `${engine.folder}/made/here:/b`], 'true');
    const mount = `type=bind,source=${engine.folder}/absent,target=/b`;
    expect(await docker.refused(['run', '--rm', '--mount', mount, 'busybox', 'true'])).toContain(
      'bind source path does not exist',
    );
  });

  test('a named volume keeps its contents, and inspect shows it', async () => {
    await inBusybox(['-v', 'kept:/d'], 'echo kept > /d/f');
    expect(await inBusybox(['--mount', 'type=volume,source=kept,target=/e'], 'cat /e/f')).toBe('kept');
    const id = await docker.must(['create', '-v', 'kept:/d:ro', 'busybox']);
    expect(
      await docker.inspect(
        id,
        '{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}} {{.Driver}} {{.RW}} {{.Mode}}{{end}}',
      ),
    ).toBe('volume kept /d local false ro');
    await rm(id);
    await docker.must(['volume', 'rm', 'kept']);
  });

  test('--mount tmpfs', async () => {
    const mount = 'type=tmpfs,destination=/t,tmpfs-size=65536,tmpfs-mode=0700';
    expect(
      await inBusybox(['--mount', mount], 'stat -c %a /t; df -k /t | tail -1 | awk "{print \\$2}"'),
    ).toBe('700\n64');
  });

  test('--volumes-from', async () => {
    await docker.must(['run', '--name', 'holder', '-v', 'shared:/s', 'busybox', 'sh', '-c', 'echo x > /s/f']);
    expect(await inBusybox(['--volumes-from', 'holder'], 'cat /s/f')).toBe('x');
    await rm('holder');
    await docker.must(['volume', 'rm', 'shared']);
  });
});
