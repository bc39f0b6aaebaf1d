import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { PortBinding } from '../../src/model/instance.ts';
import { isHullError } from '../../src/model/errors.ts';
import type { Network, NetworkLease } from '../../src/network/network.ts';
import { address, namespace, NetworkBench } from './network/bench.ts';

const port = (
  protocol: 'tcp' | 'udp',
  containerPort: number,
  hostIp = '0.0.0.0',
  hostPort = 0,
): PortBinding => ({ protocol, containerPort, hostIp, hostPort });

describe('traffic of instances', () => {
  const bench = new NetworkBench();
  const outsidePrefix = `198.18.${process.pid % 200}`;
  const outside = { host: `${outsidePrefix}.1`, computer: `${outsidePrefix}.2` };
  let network: Network;
  let computer = '';
  let server: NetworkLease;
  let client: NetworkLease;
  let ports: readonly number[] = [];

  beforeAll(async () => {
    computer = await bench.computer('outside', outsidePrefix);
    const resolvConf = join(bench.folder, 'resolv.conf');
    writeFileSync(resolvConf, `nameserver 127.0.0.1\nsearch example\noptions ndots:2\n`);
    network = bench.network({ resolvConf });
    await network.start(new Map());
    const published = [
      port('tcp', 80),
      port('udp', 1812),
      port('tcp', 80, '127.0.0.1'),
      port('udp', 1812, outside.host),
    ];
    server = await network.attach({
      instanceId: bench.id(1),
      mode: 'bridge',
      ports: published,
      names: ['Server', 'abc'],
    });
    client = await network.attach({ instanceId: bench.id(2), mode: 'bridge', ports: [], names: ['client'] });
    ports = server.ports.map((binding) => binding.hostPort);
    await bench.serve(namespace(server), 'server', 'tcp:80', 'udp:1812');
    await bench.serve(computer, 'internet', 'tcp:80', 'udp:53');
  }, 30_000);
  afterAll(() => bench.clean(), 30_000);

  const ask = (from: string | null, protocol: string, to: string, index: number) =>
    bench.peer(from, 'ask', protocol, to, String(ports[index]));

  test('free host ports are filled in', () => {
    expect(ports).toHaveLength(4);
    for (const each of ports) expect(each).toBeGreaterThan(1023);
  });
  test.each(['tcp', 'udp'])('the host reaches a published port by 127.0.0.1 (%s)', async (protocol) => {
    expect(await ask(null, protocol, '127.0.0.1', protocol === 'tcp' ? 0 : 1)).toBe(
      `server ${network.describe().gateway}`,
    );
  });
  test.each(['tcp', 'udp'])(
    'the host reaches a published port by an address of its own (%s)',
    async (protocol) => {
      expect(await ask(null, protocol, outside.host, protocol === 'tcp' ? 0 : 1)).toStartWith('server ');
    },
  );
  test.each(['tcp', 'udp'])(
    'another computer reaches it, and the service sees its real address (%s)',
    async (protocol) => {
      expect(await ask(computer, protocol, outside.host, protocol === 'tcp' ? 0 : 1)).toBe(
        `server ${outside.computer}`,
      );
    },
  );
  test('a port published on one address is not there on others', async () => {
    expect(await ask(null, 'tcp', '127.0.0.1', 2)).toStartWith('server ');
    expect(await ask(computer, 'tcp', outside.host, 2)).toBe('nothing');
    expect(await ask(computer, 'udp', outside.host, 3)).toBe(`server ${outside.computer}`);
    expect(await ask(null, 'udp', '127.0.0.1', 3)).toBe('nothing');
  });
  test.each(['tcp', 'udp'])(
    'instances reach it by the host’s address, the instance itself too (%s)',
    async (protocol) => {
      const index = protocol === 'tcp' ? 0 : 1;
      for (const host of [outside.host, network.describe().gateway]) {
        expect(await ask(namespace(client), protocol, host, index)).toStartWith('server ');
        expect(await ask(namespace(server), protocol, host, index)).toStartWith('server ');
      }
    },
  );
  test('instances reach each other, unpublished ports too', async () => {
    expect(await bench.peer(namespace(client), 'ask', 'tcp', address(server), '80')).toBe(
      `server ${address(client)}`,
    );
    expect(await bench.peer(namespace(client), 'ask', 'udp', address(server), '1812')).toBe(
      `server ${address(client)}`,
    );
  });
  test('instances reach other computers, as the host', async () => {
    expect(await bench.peer(namespace(client), 'ask', 'tcp', outside.computer, '80')).toBe(
      `internet ${outside.host}`,
    );
  });
  test('other computers do not reach unpublished ports, even with a route', async () => {
    const route = ['ip', 'route', 'add', network.describe().subnet, 'via', outside.host];
    await bench.host.exec.must([...bench.host.namespaces.enterNet(computer), ...route]);
    expect(await bench.peer(computer, 'ask', 'tcp', address(server), '80')).toBe('nothing');
  });
  test('instances do not reach the host’s loopback, however they address their packets', async () => {
    const secret = createServer((socket) => socket.end('secret'));
    await new Promise<void>((resolve) => secret.listen(0, '127.0.0.1', resolve));
    const { port: secretPort } = secret.address() as { port: number };
    const { gateway } = network.describe();
    const inside = bench.host.namespaces.enterNet(namespace(client));
    // Packets leave for the gateway's hardware address with a loopback destination, and the replies' source is turned back.
    const rules = `table ip forge {
      chain out { type filter hook postrouting priority 300; ip daddr ${gateway} tcp dport ${secretPort} ip daddr set 127.0.0.1; }
      chain in { type filter hook prerouting priority -300; iifname "eth0" ip saddr 127.0.0.1 ip saddr set ${gateway}; }
    }`;
    await bench.host.exec.must([...inside, 'nft', '-f', '-'], { input: rules });
    try {
      expect(await bench.peer(namespace(client), 'ask', 'tcp', gateway, String(secretPort))).toBe('nothing');
    } finally {
      await bench.host.exec.must([...inside, 'nft', 'delete', 'table', 'ip', 'forge']);
      secret.close();
    }
  });
  test('names resolve to addresses and back', async () => {
    const { nameservers, search, options } = network.resolver(client);
    expect([nameservers, search, options]).toEqual([[network.describe().gateway], ['example'], ['ndots:2']]);
    const resolve = (name: string, type: string) =>
      bench.peer(namespace(client), 'resolve', name, type, nameservers[0] ?? '');
    expect(await resolve('sErVeR', 'A')).toBe(`NOERROR ${address(server)}`);
    expect(await resolve('abc', 'AAAA')).toBe('NOERROR');
    const reverse = `${address(client).split('.').toReversed().join('.')}.in-addr.arpa`;
    expect(await resolve(reverse, 'PTR')).toBe('NOERROR client');
  });
  test('port 53 of the host may be published beside the engine’s own resolver', async () => {
    const lease = await network.attach({
      instanceId: bench.id(53),
      mode: 'bridge',
      ports: [port('udp', 53, outside.host, 53)],
      names: ['resolver'],
    });
    try {
      await bench.serve(namespace(lease), 'resolver', 'udp:53');
      expect(await bench.peer(computer, 'ask', 'udp', outside.host, '53')).toBe(
        `resolver ${outside.computer}`,
      );
      expect(
        await bench.peer(namespace(client), 'resolve', 'resolver', 'A', network.describe().gateway),
      ).toBe(`NOERROR ${address(lease)}`);
    } finally {
      await network.detach(bench.id(53), lease);
    }
  });
  test('a UDP client that keeps its port follows the published port to another instance', async () => {
    const binding = { ...port('udp', 1812), hostPort: 20_000 + (process.pid % 9_000) };
    const asked = () => bench.peer(computer, 'ask', 'udp', outside.host, String(binding.hostPort), '5555');
    const first = await network.attach({
      instanceId: bench.id(4),
      mode: 'bridge',
      ports: [binding],
      names: [],
    });
    await bench.serve(namespace(first), 'first', 'udp:1812');
    expect(await asked()).toStartWith('first ');
    await network.detach(bench.id(4), first);
    const second = await network.attach({
      instanceId: bench.id(5),
      mode: 'bridge',
      ports: [binding],
      names: [],
    });
    await bench.serve(namespace(second), 'second', 'udp:1812');
    expect(await asked()).toStartWith('second ');
    await network.detach(bench.id(5), second);
  });
  test('counters are the instance’s view', async () => {
    const before = (await network.counters(server))[0]?.counters;
    await ask(null, 'udp', '127.0.0.1', 1);
    const after = (await network.counters(server))[0]?.counters;
    expect((after?.rxPackets ?? 0) - (before?.rxPackets ?? 0)).toBeGreaterThanOrEqual(1);
    // A request of 5 bytes and a longer reply: what it sent grows more than what it received.
    expect((after?.txBytes ?? 0) - (before?.txBytes ?? 0)).toBeGreaterThan(
      (after?.rxBytes ?? 0) - (before?.rxBytes ?? 0),
    );
    expect(
      await network.counters({
        ...server,
        attachments: server.attachments.map((each) => ({ ...each, hostLink: 'nosuchlink' })),
      }),
    ).toEqual([]);
  });
  test('a port in use names port, protocol and holder, and leaves nothing', async () => {
    const tried = (binding: PortBinding) =>
      network
        .attach({
          instanceId: bench.id(9),
          mode: 'bridge',
          ports: [port('udp', 7), binding],
          names: ['late'],
        })
        .catch((error: unknown) => error);
    const own = await tried(port('tcp', 80, '0.0.0.0', ports[0]));
    expect(isHullError(own, 'port-in-use') && own.message).toContain(
      `the instance ${bench.id(1).slice(0, 12)} already uses tcp port ${ports[0]}`,
    );
    const foreign = createServer();
    await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve));
    const taken = (foreign.address() as { port: number }).port;
    const theirs = await tried(port('tcp', 80, '0.0.0.0', taken));
    foreign.close();
    expect(isHullError(theirs, 'port-in-use') && theirs.message).toContain(
      `(pid ${process.pid}) already uses tcp port ${taken}`,
    );
    expect(isHullError(await tried(port('tcp', 80, '192.0.2.222', 0)), 'invalid-argument')).toBe(true);
    expect(isHullError(await tried(port('tcp', 0)), 'invalid-argument')).toBe(true);
    expect(
      (await network.inventory()).filter(
        (leftover) => leftover.owner === null || leftover.owner === bench.id(9),
      ),
    ).toEqual([]);
  });
  test('nobody else can take a published port', async () => {
    const intruder = createServer();
    const refused = await new Promise((resolve) => {
      intruder.once('error', resolve);
      intruder.listen(ports[0], '0.0.0.0', () => resolve(null));
    });
    intruder.close();
    expect(refused).toMatchObject({ code: 'EADDRINUSE' });
  });
  test('without a network there is loopback alone', async () => {
    const lease = await network.attach({ instanceId: bench.id(6), mode: 'none', ports: [], names: [] });
    const links = await bench.host.exec.must([
      ...bench.host.namespaces.enterNet(namespace(lease)),
      'ip',
      '-br',
      'link',
    ]);
    expect(links.trim().split('\n')).toHaveLength(1);
    expect(links).toContain('UP');
    expect((await network.inventory()).find(({ what }) => what === namespace(lease))?.owner).toBe(
      bench.id(6),
    );
    await network.detach(bench.id(6), lease);
    await network.detach(bench.id(6), lease);
    expect((await network.inventory()).some(({ what }) => what === namespace(lease))).toBe(false);
  });
  test('the host’s network needs nothing', async () => {
    const lease = await network.attach({
      instanceId: bench.id(7),
      mode: 'host',
      ports: [port('tcp', 80)],
      names: [],
    });
    expect(lease).toMatchObject({ bundle: { mode: 'host' }, attachments: [], ports: [] });
    await network.detach(bench.id(7), lease);
  });
});
