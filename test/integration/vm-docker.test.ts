import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NO_VMS, TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

const engine = new TestEngine();
const LONG = 120_000;
/** Drawn, and below those that the kernel hands out: other tests publish ports too. */
const PORT = 21_000 + Math.floor(Math.random() * 10_000);
const host = join(engine.folder, 'host');
/** Answers on port 80; TERM ends it with 7. */
const SERVE =
  'trap "exit 7" TERM; echo ready; while :; do echo guest | nc -l -p 80; done & while :; do sleep 0.1; done';

async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await engine.docker(args);
  return code === 0 ? stdout.trim() : `${code}: ${stderr.trim()}`;
}
const line = (text: string): Promise<string> => docker(...text.split(' '));
const inside = (name: string, script: string): Promise<string> => docker('exec', name, 'sh', '-c', script);

async function answer(port: number): Promise<string | null> {
  const { stdout } = await engine.host.exec.run(
    ['bash', '-c', `exec 3<>/dev/tcp/127.0.0.1/${port} && timeout 1 head -n 1 <&3`],
    { timeout: 3000 },
  );
  return stdout === '' ? null : stdout.trim();
}

describe.skipIf(NO_VMS !== null)('docker run --isolation vm', () => {
  beforeAll(async () => {
    await engine.start();
    await engine.must(['bootstrap', 'busybox']);
    mkdirSync(host);
    writeFileSync(join(host, 'from'), 'host\n');
    await line('network create --subnet 10.228.9.0/24 net');
    await line('run -d --name peer --network net busybox sleep 600');
    const health = '--health-interval 300ms --health-timeout 5s --health-retries 1';
    const options = `--isolation vm --network net --ip 10.228.9.9 --network-alias alias -p 127.0.0.1:${PORT}:80 ${health}`;
    const mounts = `-v ${host}:/host -v ${host}/from:/one:ro -v copied:/bin --tmpfs /scratch:size=1m --memory 100m`;
    const words = `run -d --name guest ${options} ${mounts} --health-cmd`.split(' ');
    const again = 'run -d --name again --isolation vm --restart on-failure:1 busybox sh -c'.split(' ');
    await Promise.all([
      docker(...words, 'test ! -e /bad', 'busybox', 'sh', '-c', SERVE),
      docker(...again, 'echo run; exit 3'),
    ]);
  }, LONG);
  afterAll(() => engine.destroy(), LONG);

  test.each([
    ['--network host', "HostConfig.NetworkMode 'host' is not supported by isolation 'vm'"],
    ['--network container:peer', "HostConfig.NetworkMode 'container' is not supported by isolation 'vm'"],
    ['--runtime runsc', "conflicting options: HostConfig.Isolation is 'vm'"],
  ])('is refused with %s', async (options, words) => {
    expect(await line(`create --name odd --isolation vm ${options} busybox true`)).toContain(words);
    expect(await line('inspect odd')).toContain('No such object');
  });

  test(
    'Ctrl-C ends one that boots',
    async () => {
      await line('create --name early --isolation vm --init busybox sleep 600');
      const started = line('start early');
      await until('a signal while it boots', async () =>
        (await line('kill -s INT early')) === 'early' ? true : null,
      );
      expect(await started).toContain('ended by signal 2 while it was being started');
      expect(await docker('inspect', '-f', '{{.State.ExitCode}} {{.State.Running}}', 'early')).toBe(
        '130 false',
      );
      await line('rm early');
      // As the client does it when it is interrupted.
      const run = `docker -H unix://${engine.socket} run --rm --isolation vm --init busybox sleep 600`;
      const { stderr } = await engine.host.exec.run([
        'timeout',
        '-s',
        'INT',
        '-k',
        '60',
        '0.7',
        ...run.split(' '),
      ]);
      expect(stderr).toMatch(/ended by signal 2|^$/);
      expect(await line('ps -q --filter ancestor=busybox --filter name=early')).toBe('');
    },
    LONG,
  );

  test.each(['container', 'vm'])(
    'sends as itself alone, also with every right over its own network (%s)',
    async (isolation) => {
      const ping = (options: string) => `ping -c 1 -W 2 ${options} peer | grep -c "1 packets received"`;
      const other = 'ip address add 10.228.9.77/24 dev eth0';
      const mac = 'ip link set eth0 down; ip link set eth0 address 02:42:99:99:99:99; ip link set eth0 up';
      const script = [ping(''), other, ping('-I 10.228.9.77'), mac, ping('').replace('peer', '$peer')];
      const own = `--isolation ${isolation} --cap-add NET_ADMIN --network net`.split(' ');
      const peer = await docker('inspect', '-f', '{{.NetworkSettings.Networks.net.IPAddress}}', 'peer');
      const seen = await docker(
        'run',
        '--rm',
        ...own,
        '-e',
        `peer=${peer}`,
        'busybox',
        'sh',
        '-c',
        `${script.join('; ')}; true`,
      );
      expect(seen).toBe('1\n0\n0');
    },
    LONG,
  );

  test('says which limits mean nothing', async () => {
    const made = await engine.docker(
      'create --name limits --isolation vm --memory 64m --memory-reservation 32m busybox true'.split(' '),
    );
    expect(made.stderr).toContain('no swap: MemoryReservation discarded');
    await line('rm limits');
  });

  test('a socket or a device of the host’s is not shared, and no container joins its network', async () => {
    for (const [source, kind] of [
      [engine.socket, 'socket'],
      ['/dev/ptmx', 'device'],
    ] as const) {
      const said = await line(`run --rm --isolation vm -v ${source}:/x busybox true`);
      expect(said).toContain(`${source} is a ${kind} of the host's`);
    }
    expect(await line('create --network container:guest busybox true')).toContain(
      'the network of guest cannot be joined: it runs as a vm',
    );
  });

  test(
    'has mounts, names both ways, and its published port',
    async () => {
      expect(await inside('guest', 'cat /host/from /one; echo made > /host/made; echo x > /one')).toContain(
        'Read-only file system',
      );
      expect(readFileSync(join(host, 'made'), 'utf8')).toBe('made\n');
      expect(await line('run --rm -v copied:/c busybox ls /c/busybox')).toBe('/c/busybox');
      expect(await inside('guest', 'df -k /scratch | tail -n 1 | tr -s " " | cut -d " " -f 2')).toBe('1024');
      expect(await inside('guest', 'ping -c 1 -q peer | grep -c " 0% packet loss"')).toBe('1');
      expect(await inside('peer', 'nslookup alias | tail -n +3')).toContain('10.228.9.9');
      expect(await until('the port answers', () => answer(PORT), 10_000)).toBe('guest');
    },
    LONG,
  );

  test('tells failures of exec as a container does', async () => {
    for (const name of ['guest', 'peer']) {
      const said = await line(`exec ${name} nosuch`);
      expect(said).toBe('127: exec failed: exec: "nosuch": executable file not found in $PATH');
    }
  });

  test(
    'is healthy, and then is not',
    async () => {
      const status = (wanted: string) =>
        until(
          `guest is ${wanted}`,
          async () => ((await line('inspect -f {{.State.Health.Status}} guest')) === wanted ? true : null),
          10_000,
        );
      await status('healthy');
      await inside('guest', 'touch /bad');
      await status('unhealthy');
    },
    LONG,
  );

  test(
    'is measured while it is paused, refuses what needs it, and is killed',
    async () => {
      await line('pause guest');
      const stats = await line('stats --no-stream --format {{.MemUsage}} guest');
      expect(stats).toMatch(/^[1-9].* \/ 100MiB$/);
      for (const command of ['exec guest true', 'top guest', 'diff guest'])
        expect(await line(command)).toContain('is paused');
      expect(await line('kill guest')).toBe('guest');
      expect(await line('inspect -f {{.State.Status}},{{.State.ExitCode}} guest')).toBe('exited,137');
    },
    LONG,
  );

  test(
    'keeps what was written; its changes become an image that runs as a container',
    async () => {
      expect(await line('start guest')).toBe('guest');
      expect(await line('diff guest')).toContain('A /bad');
      await line('commit guest committed');
      expect(await line('run --rm committed ls /bad')).toBe('/bad');
      expect(await line('restart -t 5 guest')).toBe('guest');
      expect(await inside('guest', 'ls /bad')).toBe('/bad');
      expect(await line('stop guest')).toBe('guest');
      expect(await line('wait guest')).toBe('7');
      expect(await line('logs --tail 1 guest')).toBe('ready');
    },
    LONG,
  );

  test('is started again by its policy, as often as that says', async () => {
    expect(await line('logs again')).toBe('run\nrun');
    expect(await line('inspect -f {{.RestartCount}},{{.State.ExitCode}} again')).toBe('1,3');
    expect(await engine.findings()).toBe('');
  });
});
