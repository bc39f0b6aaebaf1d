import { describe, expect, test } from 'bun:test';
import { suiteEngine } from './support/suite.ts';

const { docker } = suiteEngine({ tidy: true });
const rm = (...names: string[]) => docker.must(['rm', '-f', '-v', ...names]);
const sleeper = (name: string, ...options: string[]) =>
  docker.must(['run', '-d', '--name', name, '--stop-signal', 'KILL', ...options, 'busybox', 'sleep', '1000']);

describe('networks', () => {
  test('the three that are always there', async () => {
    expect(await docker.must(['network', 'ls', '--format', '{{.Name}} {{.Driver}} {{.Scope}}'])).toBe(
      'bridge bridge local\nhost host local\nnone null local',
    );
    expect(await docker.refused(['network', 'rm', 'bridge'])).toContain(
      'bridge is a pre-defined network and cannot be removed',
    );
    expect(await docker.refused(['network', 'create', 'host'])).toMatch(
      /operation is not permitted on predefined|already exists/,
    );
  });

  test('create, inspect, list with filters, remove', async () => {
    const id = await docker.must([
      'network',
      'create',
      '--subnet',
      '10.177.0.0/24',
      '--gateway',
      '10.177.0.9',
      '--ip-range',
      '10.177.0.128/25',
      '--label',
      'l=m',
      '--opt',
      'com.docker.network.driver.mtu=1400',
      'net',
    ]);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const network = await docker.json<Record<string, unknown>>('net', 'network');
    expect(network).toMatchObject({
      Name: 'net',
      Id: id,
      Scope: 'local',
      Driver: 'bridge',
      EnableIPv6: false,
      IPAM: {
        Driver: 'default',
        Config: [{ Subnet: '10.177.0.0/24', Gateway: '10.177.0.9', IPRange: '10.177.0.128/25' }],
      },
      Internal: false,
      Attachable: false,
      Ingress: false,
      Containers: {},
      Options: { 'com.docker.network.driver.mtu': '1400' },
      Labels: { l: 'm' },
    });
    expect(await docker.must(['network', 'ls', '-q', '--no-trunc', '-f', 'label=l'])).toBe(id);
    expect(await docker.must(['network', 'ls', '--format', '{{.Name}}', '-f', 'type=custom'])).toBe('net');
    expect(await docker.must(['network', 'ls', '-q', '-f', 'name=nosuch'])).toBe('');
    expect(await docker.refused(['network', 'create', 'net'])).toContain(
      'network with name net already exists',
    );
    expect(await docker.refused(['network', 'create', '--subnet', '10.177.0.0/25', 'net2'])).toMatch(
      /[Pp]ool overlaps with other one on this address space/,
    );
    expect(await docker.must(['network', 'rm', 'net'])).toBe('net');
    expect(await docker.refused(['network', 'rm', 'net'])).toContain('network net not found');
    expect(await docker.refused(['network', 'inspect', 'net'])).toContain('network net not found');
  });

  test('names, aliases, fixed addresses, connect and disconnect', async () => {
    await docker.must(['network', 'create', '--subnet', '10.178.0.0/24', 'app']);
    await sleeper('server', '--network', 'app', '--network-alias', 'web', '--ip', '10.178.0.50');
    const ask = (name: string) =>
      docker.must(['run', '--rm', '--network', 'app', 'busybox', 'ping', '-c1', '-W2', name]);
    expect(await ask('server')).toContain('10.178.0.50');
    expect(await ask('web')).toContain('10.178.0.50');
    await sleeper('late');
    await docker.must(['network', 'connect', '--alias', 'second', '--ip', '10.178.0.60', 'app', 'late']);
    expect(await ask('second')).toContain('10.178.0.60');
    expect(await docker.inspect('late', '{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{end}}')).toBe(
      'app bridge ',
    );
    expect(
      await docker.inspect('app', '{{range .Containers}}{{.Name}} {{.IPv4Address}} {{end}}', 'network'),
    ).toMatch(/late 10\.178\.0\.60\/24|server 10\.178\.0\.50\/24/);
    expect(await docker.refused(['network', 'rm', 'app'])).toMatch(
      /network app( id [0-9a-f]+)? has active endpoints/,
    );
    await docker.must(['network', 'disconnect', 'app', 'late']);
    expect(await docker.inspect('late', '{{len .NetworkSettings.Networks}}')).toBe('1');
    expect(await docker.refused(['network', 'disconnect', 'app', 'late'])).toContain('is not connected to');
    await rm('server', 'late');
    await docker.must(['network', 'rm', 'app']);
  });

  test('--network container:, host, none, internal', async () => {
    await sleeper('owner', '--network', 'none');
    expect(
      await docker.must([
        'run',
        '--rm',
        '--network',
        'container:owner',
        'busybox',
        'sh',
        '-c',
        'ls /sys/class/net',
      ]),
    ).toBe('lo');
    expect(
      await docker.must(['run', '--rm', '--network', 'host', 'busybox', 'readlink', '/proc/self/ns/net']),
    ).toMatch(/^net:/);
    await rm('owner');
    await docker.must(['network', 'create', '--internal', 'inner']);
    expect(
      await docker.must([
        'run',
        '--rm',
        '--network',
        'inner',
        'busybox',
        'sh',
        '-c',
        'ip route | grep -c default || true',
      ]),
    ).toBe('0');
    expect((await docker.must(['network', 'prune', '-f'])).trim()).toBe('Deleted Networks:\ninner');
  });

  test('published ports answer', async () => {
    await docker.must([
      'run',
      '-d',
      '--name',
      'web',
      '-p',
      '127.0.0.1:47211:80',
      '-p',
      '127.0.0.1::81',
      '--stop-signal',
      'KILL',
      'busybox',
      'sh',
      '-c',
      'mkdir /w; echo page > /w/index.html; httpd -f -p 80 -h /w',
    ]);
    const deadline = Date.now() + 10_000;
    let page = '';
    while (page === '' && Date.now() < deadline) {
      page = await fetch('http://127.0.0.1:47211/', { headers: { connection: 'close' } })
        .then((answer) => answer.text())
        .catch(() => '');
    }
    expect(page).toBe('page\n');
    expect(await docker.must(['port', 'web', '81'])).toMatch(/^127\.0\.0\.1:\d+$/);
    await rm('web');
  });
});

describe('volumes', () => {
  test('create, list with filters, inspect, rm, prune', async () => {
    expect(await docker.must(['volume', 'create', '--label', 'x=y', 'v1'])).toBe('v1');
    expect(await docker.must(['volume', 'create', 'v1'])).toBe('v1');
    expect(await docker.must(['volume', 'create'])).toMatch(/^[0-9a-f]{64}$/);
    expect(await docker.must(['volume', 'ls', '-q', '-f', 'name=v1', '-f', 'dangling=true'])).toBe('v1');
    expect(await docker.must(['volume', 'ls', '-q', '-f', 'label=x=y'])).toBe('v1');
    expect(await docker.must(['volume', 'ls', '-q', '-f', 'driver=other'])).toBe('');
    expect(await docker.json<Record<string, unknown>>('v1', 'volume')).toEqual({
      CreatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/),
      Driver: 'local',
      Labels: { x: 'y' },
      Mountpoint: expect.stringMatching(/^\/.*\/_data$|^\//),
      Name: 'v1',
      Options: null,
      Scope: 'local',
    });
    await docker.must(['create', '--name', 'user', '-v', 'v1:/v', 'busybox']);
    expect(await docker.refused(['volume', 'rm', 'v1'])).toMatch(
      /remove v1: volume is in use - \[[0-9a-f]{64}\]/,
    );
    await rm('user');
    expect(await docker.must(['volume', 'prune', '-f'])).toMatch(
      /^Deleted Volumes:\n[0-9a-f]{64}\n\nTotal reclaimed space: 0B$/,
    );
    expect(await docker.must(['volume', 'prune', '-af'])).toContain('v1');
    expect(await docker.refused(['volume', 'rm', 'v1'])).toMatch(/get v1: no such volume/);
    expect(await docker.must(['volume', 'rm', '-f', 'v1'])).toBe('v1');
    expect(await docker.refused(['volume', 'inspect', 'v1'])).toMatch(/no such volume/);
    expect(await docker.refused(['volume', 'create', 'a/b'])).toContain(
      'includes invalid characters for a local volume name',
    );
    expect(await docker.refused(['volume', 'create', '-d', 'nosuch', 'v'])).toMatch(/nosuch/);
  });

  test('an image’s files are copied into a new volume', async () => {
    await docker.must(['run', '--rm', '-v', 'copy:/etc', 'busybox', 'true']);
    expect(
      await docker.must([
        'run',
        '--rm',
        '-v',
        'copy:/c',
        'busybox',
        'sh',
        '-c',
        'test -e /c/passwd && echo copied',
      ]),
    ).toBe('copied');
    await docker.must(['volume', 'rm', 'copy']);
  });

  test('local driver options: tmpfs', async () => {
    await docker.must([
      'volume',
      'create',
      '-o',
      'type=tmpfs',
      '-o',
      'device=tmpfs',
      '-o',
      'o=size=1m',
      'tv',
    ]);
    expect(
      await docker.must([
        'run',
        '--rm',
        '-v',
        'tv:/t',
        'busybox',
        'sh',
        '-c',
        'df -k /t | tail -1 | awk "{print \\$2}"',
      ]),
    ).toBe('1024');
    await docker.must(['volume', 'rm', 'tv']);
  });
});

describe('system', () => {
  test('version', async () => {
    const version = JSON.parse(await docker.must(['version', '--format', '{{json .}}'])) as {
      Client: Record<string, unknown>;
      Server: Record<string, unknown>;
    };
    expect(version.Server).toMatchObject({
      ApiVersion: '1.51',
      MinAPIVersion: '1.24',
      Os: 'linux',
      Arch: 'amd64',
      Components: expect.any(Array),
    });
    const text = await docker.must(['version']);
    expect(text).toContain('Server');
  });

  test('info', async () => {
    await sleeper('running');
    await docker.must(['create', '--name', 'not', 'busybox']);
    expect(
      await docker.must([
        'info',
        '--format',
        '{{.Containers}} {{.ContainersRunning}} {{.ContainersPaused}} {{.ContainersStopped}} {{.Driver}} {{.OSType}} {{.Swarm.LocalNodeState}}',
      ]),
    ).toBe('2 1 0 1 overlay2 linux inactive');
    const text = await docker.must(['info']);
    for (const line of [
      'Storage Driver: overlay2',
      'Cgroup Driver:',
      'Plugins:',
      ' Volume: local',
      'Swarm: inactive',
      'Kernel Version:',
      'Name:',
      'ID:',
    ])
      expect(text).toContain(line);
    await rm('running', 'not');
  });

  test('system df, and with details', async () => {
    await docker.must(['volume', 'create', 'dfv']);
    await docker.must(['create', '--name', 'dfc', 'busybox']);
    const rows = (
      await docker.must(['system', 'df', '--format', '{{.Type}}|{{.TotalCount}}|{{.Active}}'])
    ).split('\n');
    expect(rows).toEqual([
      'Images|1|1',
      'Containers|1|0',
      'Local Volumes|1|0',
      expect.stringMatching(/^Build Cache\|\d+\|\d+$/),
    ]);
    expect(await docker.must(['system', 'df', '-v'])).toContain('dfv');
    await rm('dfc');
    expect(await docker.must(['system', 'prune', '-f'])).toContain('Total reclaimed space');
    await docker.must(['volume', 'rm', 'dfv']);
  });

  test('events: live ones in order, with attributes; past ones by since and until', async () => {
    const since = String(Math.floor(Date.now() / 1000));
    const live = docker.start([
      'events',
      '--format',
      '{{.Type}} {{.Action}} {{index .Actor.Attributes "name"}}',
    ]);
    await Bun.sleep(500);
    await docker.must(['run', '--rm', '--name', 'seen', 'busybox', 'true']);
    await live.said(/container destroy seen/);
    live.kill();
    const { stdout } = await live.finished;
    const actions = stdout
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('container '));
    expect(actions).toEqual([
      'container create seen',
      'container attach seen',
      'container start seen',
      'container die seen',
      'container destroy seen',
    ]);
    expect(stdout).toContain('network connect bridge\n');
    expect(stdout).toContain('network disconnect bridge\n');
    await Bun.sleep(1100);
    const until = String(Math.floor(Date.now() / 1000));
    const past = (filter: string) =>
      docker.must([
        'events',
        '--since',
        since,
        '--until',
        until,
        '--filter',
        filter,
        '--format',
        '{{.Action}}',
      ]);
    expect(await past('container=seen')).toBe('create\nattach\nstart\ndie\ndestroy');
    expect(await past('event=die')).toContain('die');
    expect(await past('image=busybox')).toContain('create');
    expect(await past('container=nobody')).toBe('');
    await docker.must(['volume', 'create', 'ev']);
    await docker.must(['volume', 'rm', 'ev']);
    await docker.must(['network', 'create', 'evn']);
    await docker.must(['network', 'rm', 'evn']);
    await docker.must(['tag', 'busybox', 'evt']);
    await docker.must(['rmi', 'evt']);
    await Bun.sleep(1100);
    const all = await docker.must([
      'events',
      '--since',
      until,
      '--until',
      String(Math.floor(Date.now() / 1000)),
      '--format',
      '{{.Type}} {{.Action}}',
    ]);
    for (const event of [
      'volume create',
      'volume destroy',
      'network create',
      'network destroy',
      'image tag',
      'image untag',
    ])
      expect(all).toContain(event);
  });

  test.each([
    [
      ['swarm', 'ca'],
      /This node is not a swarm manager\. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again/,
    ],
    [['node', 'ls'], /This node is not a swarm manager/],
    [['service', 'ls'], /This node is not a swarm manager/],
    [['secret', 'ls'], /This node is not a swarm manager/],
    [['config', 'ls'], /This node is not a swarm manager/],
    [['swarm', 'leave'], /This node is not part of a swarm/],
  ])('%p: as an engine outside a swarm', async (args, message) => {
    expect(await docker.refused(args)).toMatch(message);
  });

  test('no plugins', async () => {
    expect(await docker.must(['plugin', 'ls', '-q'])).toBe('');
  });
});
