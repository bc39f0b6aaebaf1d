import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

const engine = new TestEngine();
const LONG = 120_000;
/** Drawn, and below those that the kernel hands out: other tests publish ports too. */
const PORT = 21_000 + Math.floor(Math.random() * 10_000);
const SERVE = 'mkdir /w; hostname > /w/index.html; exec httpd -f -p 80 -h /w';
/** A page by wget would do, but the static one of Debian fails without a resolver. */
const ask = (host: string, port: number) =>
  `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${host} ${port} | tail -n 1`;

async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await engine.docker(args);
  return code === 0 ? stdout.trim() : `${code}: ${stderr.trim()}`;
}
const inside = (name: string, script: string) => docker('exec', name, 'sh', '-c', script);
const lookUp = (name: string, wanted: string) =>
  inside(name, `nslookup ${wanted} | tail -n +3 | grep Address | sed 's/.*: //' | sort | tr '\\n' ' '`);
const address = (name: string, network: string) =>
  docker('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name);
const serve = (name: string, ...options: string[]) =>
  docker('run', '-d', '--name', name, '--hostname', name, ...options, 'busybox', 'sh', '-c', SERVE);
const served = (url: string, expected: string) =>
  until(
    `${url} answers`,
    async () => ((await (await fetch(url)).text()).trim() === expected ? true : null),
    5000,
  );

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(() => engine.destroy(), LONG);

describe('networks of the user’s', () => {
  test(
    'are made, shown, listed, pruned and refused as docker has it',
    async () => {
      expect(await docker('network', 'create', '--label', 'a=b', 'plain')).toMatch(/^[0-9a-f]{64}$/);
      await docker(
        'network',
        'create',
        '--subnet',
        '10.231.0.0/24',
        '--ip-range',
        '10.231.0.64/26',
        '--gateway',
        '10.231.0.1',
        '--aux-address',
        'router=10.231.0.65',
        'chosen',
      );
      const [shown] = JSON.parse(await docker('network', 'inspect', 'chosen')) as [Record<string, unknown>];
      expect(shown).toMatchObject({
        Name: 'chosen',
        Driver: 'bridge',
        Scope: 'local',
        EnableIPv4: true,
        EnableIPv6: false,
        Internal: false,
        IPAM: {
          Driver: 'default',
          Config: [
            {
              Subnet: '10.231.0.0/24',
              IPRange: '10.231.0.64/26',
              Gateway: '10.231.0.1',
              AuxiliaryAddresses: { router: '10.231.0.65' },
            },
          ],
        },
      });
      const refusals: readonly (readonly [string[], string])[] = [
        [['create', 'plain'], 'network with name plain already exists'],
        [['create', 'bridge'], 'operation is not permitted on predefined bridge network'],
        [
          ['create', '--subnet', '10.231.0.128/25', 'x'],
          'Pool overlaps with other one on this address space',
        ],
        [['create', '--subnet', '10.1.2.3/24', 'x'], 'invalid subnet 10.1.2.3/24: it should be 10.1.2.0/24'],
        [['create', '-d', 'nonsense', 'x'], 'plugin "nonsense" not found'],
        [['rm', 'bridge'], 'bridge is a pre-defined network and cannot be removed'],
        [['rm', 'nope'], 'network nope not found'],
        [['connect', 'plain', 'nobody'], 'No such container: nobody'],
      ];
      for (const [args, words] of refusals) expect(await docker('network', ...args)).toContain(words);
      const names = (...filters: string[]) =>
        docker('network', 'ls', '--format', '{{.Name}}', ...filters.flatMap((filter) => ['-f', filter]));
      expect(await names()).toBe('bridge\nchosen\nhost\nnone\nplain');
      expect(await names('type=custom', 'name=^pl')).toBe('plain');
      expect(await names('label=a=b')).toBe('plain');
      expect(await names('driver=null')).toBe('none');
      expect(await docker('network', 'prune', '-f', '--filter', 'label=a')).toBe('Deleted Networks:\nplain');
      expect(await docker('network', 'rm', 'chosen')).toBe('chosen');
    },
    LONG,
  );

  test(
    'hand out addresses of the range, the wished ones included, and no more than there are',
    async () => {
      await docker('network', 'create', '--subnet', '10.232.0.0/29', 'small');
      await docker('network', 'create', 'unchosen');
      const run = (...options: string[]) => docker('run', '-d', ...options, 'busybox', 'sleep', '300');
      await run(
        '--name',
        'wished',
        '--network',
        'small',
        '--ip',
        '10.232.0.5',
        '--mac-address',
        '02:00:00:00:00:77',
      );
      expect(await address('wished', 'small')).toBe('10.232.0.5');
      expect(await inside('wished', 'cat /sys/class/net/eth0/address')).toBe('02:00:00:00:00:77');
      expect(await run('--network', 'small', '--ip', '10.232.0.5')).toContain('Address already in use');
      expect(await run('--network', 'small', '--ip', '10.9.9.9')).toContain(
        'no configured subnet or ip-range contain the IP address 10.9.9.9',
      );
      expect(await run('--network', 'unchosen', '--ip', '10.9.9.9')).toContain(
        'only when connecting to networks with user configured subnets',
      );
      expect(await run('--ip', '10.9.9.9')).toContain(
        'user specified IP address is supported on user defined networks only',
      );
      for (const name of ['f1', 'f2', 'f3', 'f4']) await run('--name', name, '--network', 'small');
      expect(await run('--name', 'toomany', '--network', 'small')).toContain('no available addresses');
      expect(await docker('inspect', '-f', '{{.State.Status}} {{.State.Error}}', 'toomany')).toContain(
        'created no available',
      );
      expect(await engine.findings()).toBe('');
      await docker('rm', '-f', 'wished', 'f1', 'f2', 'f3', 'f4', 'toomany');
      expect(await docker('network', 'rm', 'small', 'unchosen')).toBe('small\nunchosen');
    },
    LONG,
  );

  test(
    'names belong to networks: own name, short id, aliases in turn; nobody else’s',
    async () => {
      for (const network of ['one', 'two']) await docker('network', 'create', network);
      const id = await serve('w1', '--network', 'one', '--network-alias', 'web');
      await serve('w2', '--network', 'one', '--network-alias', 'web', '--link', 'w1:first');
      await serve('stranger', '--network', 'two');
      const [first, second] = [await address('w1', 'one'), await address('w2', 'one')];
      expect(await lookUp('w2', 'w1')).toBe(first);
      expect(await lookUp('w2', id.slice(0, 12))).toBe(first);
      expect(await lookUp('w2', 'first')).toBe(first);
      expect(await lookUp('w1', 'first')).toBe('');
      expect((await lookUp('w1', 'web')).split(' ').toSorted()).toEqual([first, second].toSorted());
      const turns = await Promise.all(
        Array.from({ length: 16 }, () =>
          inside('w1', "nslookup web | tail -n +3 | grep -m1 Address | sed 's/.*: //'"),
        ),
      );
      expect(new Set(turns).size).toBe(2);
      expect(await inside('w1', `nslookup ${second} | grep name`)).toContain('name = w2');
      expect(await lookUp('stranger', 'w1')).toBe('');
      expect(await inside('stranger', `nc -w 1 ${first} 80 < /dev/null || echo apart`)).toContain('apart');
      await docker('rm', '-f', 'stranger', 'w1', 'w2');
      await docker('network', 'rm', 'one', 'two');
    },
    LONG,
  );

  test(
    'a running instance is connected and disconnected, with routes, names and ports following',
    async () => {
      await docker('network', 'create', '--subnet', '10.233.0.0/24', 'front');
      await docker('network', 'create', '--subnet', '10.234.0.0/24', 'back');
      await serve('both', '--network', 'front', '-p', `127.0.0.1:${PORT + 0}:80`);
      await serve('db', '--network', 'back');
      await served(`http://127.0.0.1:${PORT + 0}/`, 'both');
      expect(await docker('network', 'connect', '--ip', '10.234.0.9', '--alias', 'app', 'back', 'both')).toBe(
        '',
      );
      expect(await docker('network', 'connect', 'back', 'both')).toContain(
        'endpoint with name both already exists in network back',
      );
      expect(await inside('both', 'ip -4 -o addr show eth1')).toContain('10.234.0.9/24');
      // The first name in the alphabet gives the default route.
      expect(await inside('both', 'ip route | grep default')).toBe('default via 10.234.0.1 dev eth1');
      expect(await lookUp('both', 'db')).toBe(await address('db', 'back'));
      expect(await lookUp('db', 'app')).toBe('10.234.0.9');
      expect(await inside('both', 'grep -c both /etc/hosts')).toBe('2');
      await served(`http://127.0.0.1:${PORT + 0}/`, 'both');
      expect(await docker('network', 'rm', 'back')).toMatch(
        /has active endpoints \(name:"(both|db)" id:"[0-9a-f]{12}"/,
      );
      await docker('network', 'disconnect', 'front', 'both');
      expect(await inside('both', 'ls /sys/class/net')).toBe('eth1\nlo');
      await served(`http://127.0.0.1:${PORT + 0}/`, 'both');
      await docker('network', 'connect', 'front', 'both');
      await docker('network', 'disconnect', 'back', 'both');
      expect(await inside('both', 'ip route | grep default')).toBe('default via 10.233.0.1 dev eth0');
      expect(await inside('both', 'cat /etc/resolv.conf')).toContain('nameserver 10.233.0.1');
      await served(`http://127.0.0.1:${PORT + 0}/`, 'both');
      expect(await engine.findings()).toBe('');
      await docker('rm', '-f', 'both', 'db');
      await docker('network', 'rm', 'front', 'back');
    },
    LONG,
  );

  test(
    'what is connected before its start is there when it starts, as compose has it',
    async () => {
      for (const network of ['c1', 'c2']) await docker('network', 'create', network);
      await docker('create', '--name', 'later', '--network', 'c1', 'busybox', 'sleep', '300');
      await docker('network', 'disconnect', 'c1', 'later');
      await docker('network', 'connect', '--alias', 'service', 'c1', 'later');
      await docker('network', 'connect', 'c2', 'later');
      expect(
        await docker(
          'inspect',
          '-f',
          '{{range $k, $v := .NetworkSettings.Networks}}{{$k}}={{$v.Aliases}}{{$v.IPAddress}} {{end}}',
          'later',
        ),
      ).toBe('c1=[service] c2=[]');
      await docker('start', 'later');
      expect(await lookUp('later', 'service')).toBe(await address('later', 'c1'));
      expect(await inside('later', 'ls /sys/class/net')).toBe('eth0\neth1\nlo');
      await docker('rm', '-f', 'later');
      await docker('network', 'rm', 'c1', 'c2');
      expect(await docker('run', '--rm', '--network', 'gone', 'busybox', 'true')).toContain(
        'network gone not found',
      );
    },
    LONG,
  );
});

describe('apart from others', () => {
  test(
    'an internal network leads nowhere, and its ports are not published',
    async () => {
      await docker('network', 'create', '--internal', 'inner');
      await serve('in1', '--network', 'inner', '-p', `${PORT + 1}:80`);
      const script = `ip route | grep -c default; nslookup example.org 2>&1 | grep -o SERVFAIL | head -n 1; ${ask('in1', 80)}`;
      expect(await docker('run', '--rm', '--network', 'inner', 'busybox', 'sh', '-c', script)).toMatch(
        /^0\nSERVFAIL\nin1$/,
      );
      expect(await docker('port', 'in1')).toBe('');
      await docker('rm', '-f', 'in1');
      await docker('network', 'rm', 'inner');
    },
    LONG,
  );

  test(
    'without communication among instances only published ports are reached',
    async () => {
      await docker('network', 'create', '-o', 'com.docker.network.bridge.enable_icc=false', 'silent');
      await serve('s1', '--network', 'silent', '-p', `127.0.0.1:${PORT + 2}:80`);
      await served(`http://127.0.0.1:${PORT + 2}/`, 's1');
      const heard = await docker(
        'run',
        '--rm',
        '--network',
        'silent',
        'busybox',
        'sh',
        '-c',
        `${ask('s1', 80)}; echo done`,
      );
      expect(heard).toContain('done');
      expect(heard).not.toContain('s1\ndone');
      await docker('rm', '-f', 's1');
      await docker('network', 'rm', 'silent');
    },
    LONG,
  );

  test(
    'the administrator’s chain stays over changes and restarts, and closes published ports',
    async () => {
      await serve('open', '-p', `${PORT + 3}:80`);
      await served(`http://127.0.0.1:${PORT + 3}/`, 'open');
      const bridge = await docker(
        'network',
        'inspect',
        '-f',
        '{{index .Options "com.docker.network.bridge.name"}}',
        'bridge',
      );
      const table = bridge.replace('-', '_');
      await engine.host.exec.must([
        'nft',
        'add',
        'rule',
        'ip',
        table,
        'user',
        'meta',
        'l4proto',
        'tcp',
        'ct',
        'original',
        'proto-dst',
        String(PORT + 3),
        'drop',
      ]);
      await docker('network', 'create', 'another');
      await engine.restart();
      expect(await engine.host.exec.must(['nft', 'list', 'chain', 'ip', table, 'user'])).toContain(
        `${PORT + 3} drop`,
      );
      const peer = await docker(
        'run',
        '--rm',
        '--network',
        'another',
        'busybox',
        'sh',
        '-c',
        `${ask('$(ip route | sed -n "s/default via \\([0-9.]*\\).*/\\1/p")', PORT + 3)}; echo done`,
      );
      expect(peer).not.toContain('open');
      await engine.host.exec.must(['nft', 'flush', 'chain', 'ip', table, 'user']);
      const again = await docker(
        'run',
        '--rm',
        '--network',
        'another',
        'busybox',
        'sh',
        '-c',
        ask('$(ip route | sed -n "s/default via \\([0-9.]*\\).*/\\1/p")', PORT + 3),
      );
      expect(again).toContain('open');
      await docker('rm', '-f', 'open');
      await docker('network', 'rm', 'another');
    },
    LONG,
  );
});

describe('host, none and others’ networks', () => {
  test(
    'another instance’s network is joined, with its names; what contradicts is refused',
    async () => {
      const id = await serve('owner');
      const joined = await docker(
        'run',
        '--rm',
        '--network',
        'container:owner',
        'busybox',
        'sh',
        '-c',
        `hostname; ${ask('127.0.0.1', 80)}; cat /etc/hosts | grep -c owner`,
      );
      expect(joined).toBe('owner\nowner\n1');
      expect(await docker('run', '--network', 'container:owner', '-p', '80:80', 'busybox')).toContain(
        'conflicting options: port publishing and the container type network mode',
      );
      await docker('create', '--name', 'joiner', '--network', 'container:owner', 'busybox', 'true');
      expect(
        await docker(
          'inspect',
          '-f',
          '{{.HostConfig.NetworkMode}} {{len .NetworkSettings.Networks}}',
          'joiner',
        ),
      ).toBe(`container:${id} 0`);
      await docker('stop', '-t', '0', 'owner');
      expect(await docker('start', 'joiner')).toContain(
        `cannot join network of a non running container: ${id}`,
      );
      expect(await docker('network', 'connect', 'bridge', 'joiner')).toContain(
        'cannot be connected to any other network',
      );
      await docker('rm', '-f', 'owner', 'joiner');
    },
    LONG,
  );
});
