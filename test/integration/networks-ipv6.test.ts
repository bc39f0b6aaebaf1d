import { afterAll, beforeAll, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

const engine = new TestEngine();
const LONG = 120_000;
/** Drawn, and below those that the kernel hands out: other tests publish ports too. */
const PORT = 21_000 + Math.floor(Math.random() * 10_000);
const HAS_IPV6 = existsSync('/proc/net/if_inet6');
const SERVE = 'mkdir /w; hostname > /w/index.html; exec httpd -f -p [::]:80 -h /w';
/** A link of the host's that macvlan instances are on, and its other end: the network outside. */
const PARENT = 'hbtestmv0';
const OUTSIDE = 'hbtestmv1';

async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await engine.docker(args);
  return code === 0 ? stdout.trim() : `${code}: ${stderr.trim()}`;
}
const inside = (name: string, script: string) => docker('exec', name, 'sh', '-c', script);
const address6 = (name: string, network: string) =>
  docker('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").GlobalIPv6Address}}`, name);

beforeAll(async () => {
  await engine.start();
  await engine.must(['bootstrap', 'busybox']);
}, LONG);
afterAll(async () => {
  await engine.destroy();
  await engine.host.exec.run(['ip', 'link', 'delete', PARENT]);
}, LONG);

/** The first line of a page, over one connection to one address. */
function page(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => socket.write('GET / HTTP/1.0\r\n\r\n'));
    let got = '';
    socket.on('data', (chunk) => (got += String(chunk)));
    socket.on('end', () => resolve(got.trim().split('\n').at(-1) ?? ''));
    socket.on('error', reject);
    socket.setTimeout(3000, () => socket.destroy(new Error('no answer')));
  });
}

/** An address of the host's that instances of other networks reach too; null where it has none. */
async function hostAddress6(): Promise<string | null> {
  const text = await engine.host.exec.must(['ip', '-6', '-o', 'address', 'show', 'scope', 'global']);
  return /inet6 ([0-9a-f:]+)\//.exec(text)?.[1] ?? null;
}

test.skipIf(!HAS_IPV6)(
  'dual stack: addresses, names, routes and published ports of both families',
  async () => {
    await docker('network', 'create', '--ipv6', 'six');
    await docker(
      'network',
      'create',
      '--ipv6',
      '--subnet',
      'fd00:9:9::/64',
      '--subnet',
      '10.236.0.0/24',
      'chosen6',
    );
    await docker(
      'run',
      '-d',
      '--name',
      'dual',
      '--hostname',
      'dual',
      '--network',
      'six',
      '-p',
      `${PORT + 10}:80`,
      'busybox',
      'sh',
      '-c',
      SERVE,
    );
    const own = await address6('dual', 'six');
    expect(own).toMatch(/^fd/);
    expect(await docker('port', 'dual')).toBe(`80/tcp -> 0.0.0.0:${PORT + 10}\n80/tcp -> [::]:${PORT + 10}`);
    const host = await hostAddress6();
    await until(
      'it answers',
      async () => ((await page('127.0.0.1', PORT + 10)) === 'dual' ? true : null),
      5000,
    );
    if (host !== null) expect(await page(host, PORT + 10)).toBe('dual');
    const peer = (script: string) => docker('run', '--rm', '--network', 'six', 'busybox', 'sh', '-c', script);
    expect(await peer('nslookup dual | grep -c Address')).toBe('3');
    expect(await peer('ping -6 -c 1 -W 2 dual | grep -c "1 packets received"')).toBe('1');
    expect(await peer('ip -6 route | grep -c "^default via fd"')).toBe('1');
    expect(await peer(`nslookup ${own} | grep -o "name = .*"`)).toBe('name = dual');
    const wished = ['--network', 'chosen6', '--ip6', 'fd00:9:9::44', '--ip', '10.236.0.9'];
    expect(await docker('run', '--rm', ...wished, 'busybox', 'ip', '-o', 'addr', 'show', 'eth0')).toMatch(
      /10\.236\.0\.9\/24.*fd00:9:9::44\/64/s,
    );
    // From another network the neighbour's address is closed, its published port is open.
    const stranger = (script: string) =>
      docker('run', '--rm', '--network', 'chosen6', 'busybox', 'sh', '-c', script);
    expect(await stranger(`nc -w 1 ${own} 80 < /dev/null || echo apart`)).toContain('apart');
    if (host !== null)
      expect(
        await stranger(`printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${host} ${PORT + 10} | tail -n 1`),
      ).toBe('dual');
    // A running instance without IPv6 is given it, and loses it again.
    await docker('run', '-d', '--name', 'late', 'busybox', 'sleep', '300');
    await docker('network', 'connect', 'chosen6', 'late');
    expect(await inside('late', 'ip -6 route | grep default')).toContain('via fd00:9:9::1 dev eth1');
    expect(await docker('run', '--rm', '-p', `[::]:${PORT + 11}:80`, 'busybox', 'true')).toContain(
      'has no IPv6 address',
    );
    await engine.restart();
    expect(await page('127.0.0.1', PORT + 10)).toBe('dual');
    if (host !== null) expect(await page(host, PORT + 10)).toBe('dual');
    expect(await engine.findings()).toBe('');
    await docker('rm', '-f', 'dual', 'late');
    expect(await docker('network', 'rm', 'six', 'chosen6')).toBe('six\nchosen6');
  },
  LONG,
);

test('IPv6 subnets are refused where IPv6 was not asked for', async () => {
  expect(await docker('network', 'create', '--subnet', 'fd00:9:8::/64', 'x')).toContain(
    'IPv6 has not been enabled',
  );
});

test(
  'macvlan: instances are computers on the network of a link of the host’s',
  async () => {
    const { exec } = engine.host;
    await exec.must(['ip', 'link', 'add', PARENT, 'type', 'veth', 'peer', 'name', OUTSIDE]);
    await exec.must(['ip', '-batch', '-'], {
      input: `link set ${PARENT} up\nlink set ${OUTSIDE} up\naddress add 10.237.0.1/24 dev ${OUTSIDE}\n`,
    });
    expect(await docker('network', 'create', '-d', 'macvlan', 'x')).toContain('-o parent=LINK');
    expect(await docker('network', 'create', '-d', 'macvlan', '-o', 'parent=nosuch0', 'x')).toContain(
      'no link "nosuch0"',
    );
    await docker(
      'network',
      'create',
      '-d',
      'macvlan',
      '--subnet',
      '10.237.0.0/24',
      '--gateway',
      '10.237.0.1',
      '-o',
      `parent=${PARENT}`,
      'lan',
    );
    // What this network cannot have is said.
    expect(await docker('info', '-f', '{{json .Warnings}}')).toContain(
      'Instances of the macvlan network lan are not kept from',
    );
    expect(await docker('network', 'create', '-d', 'macvlan', '-o', `parent=${PARENT}`, 'x')).toContain(
      `already using parent interface ${PARENT}`,
    );
    await docker(
      'run',
      '-d',
      '--name',
      'm1',
      '--hostname',
      'm1',
      '--network',
      'lan',
      '--ip',
      '10.237.0.7',
      'busybox',
      'sh',
      '-c',
      SERVE.replace('[::]:', ''),
    );
    expect(await inside('m1', 'ip route | grep default')).toBe('default via 10.237.0.1 dev eth0');
    await until(
      'the outside reaches it',
      async () => ((await page('10.237.0.7', 80)) === 'm1' ? true : null),
      5000,
    );
    expect(
      await docker('run', '--rm', '--network', 'lan', 'busybox', 'ping', '-c', '1', '-W', '2', '10.237.0.7'),
    ).toContain('1 packets received');
    await docker('run', '-d', '--name', 'm2', 'busybox', 'sleep', '300');
    await docker('network', 'connect', 'lan', 'm2');
    expect(await inside('m2', 'ls /sys/class/net')).toBe('eth0\neth1\nlo');
    await docker('network', 'disconnect', 'lan', 'm2');
    expect(await inside('m2', 'ls /sys/class/net')).toBe('eth0\nlo');
    await engine.restart();
    expect(await page('10.237.0.7', 80)).toBe('m1');
    expect(await engine.findings()).toBe('');
    await docker('rm', '-f', 'm1', 'm2');
    expect(await docker('network', 'rm', 'lan')).toBe('lan');
    expect(await docker('network', 'create', '-d', 'ipvlan', 'x')).toContain('plugin "ipvlan" not found');
  },
  LONG,
);
