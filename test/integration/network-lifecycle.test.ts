import { afterEach, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { isHullError } from '../../src/model/errors.ts';
import { PortGuard } from '../../src/network/port-guard.ts';
import { BRIDGE_PORT_LIMIT, Links } from '../../src/network/links.ts';
import type { KnownLease, Network, NetworkLease } from '../../src/network/network.ts';
import { address, namespace, NetworkBench } from './network/bench.ts';

const DAEMON = new URL('network/busy-daemon.ts', import.meta.url).pathname;
const benches: NetworkBench[] = [];
function newBench(): NetworkBench {
  const bench = new NetworkBench();
  benches.push(bench);
  return bench;
}
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.clean();
}, 30_000);

function attach(network: Network, instanceId: string, hostPort?: number): Promise<NetworkLease> {
  const ports =
    hostPort === undefined
      ? []
      : [{ protocol: 'tcp' as const, containerPort: 80, hostIp: '0.0.0.0', hostPort }];
  return network.attach({
    instanceId,
    mode: 'bridge',
    ports,
    names: [`n${Number.parseInt(instanceId, 16)}`],
  });
}

function leased(...entries: (readonly [string, NetworkLease])[]): Map<string, KnownLease> {
  return new Map(entries.map(([id, lease]) => [id, { lease, names: [`n${Number.parseInt(id, 16)}`] }]));
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '0.0.0.0', () => resolve(true));
  });
  server.close();
  return listening;
}

describe('life of the network', () => {
  test('an instance on no network that is back before its former namespace was removed keeps the new one', async () => {
    const bench = newBench();
    const network = bench.network();
    await network.start(new Map());
    const alone = () => network.attach({ instanceId: bench.id(1), mode: 'none', ports: [], names: [] });
    const former = await alone();
    await network.detach(bench.id(1), former);
    const lease = await alone();
    expect(await network.inventory()).toMatchObject([{ owner: bench.id(1), what: namespace(lease) }]);
    expect(bench.host.mounts.list().map(({ target }) => target)).toContain(namespace(lease));
    expect(existsSync(namespace(former))).toBe(false);
    await network.detach(bench.id(1), lease);
    expect(await network.inventory()).toEqual([]);
  });

  test('a hundred instances at once, each with an address of its own, all gone afterwards', async () => {
    const bench = newBench();
    const network = bench.network();
    await network.start(new Map());
    const leases = await Promise.all(
      Array.from({ length: 100 }, (_, index) => attach(network, bench.id(index))),
    );
    expect(new Set(leases.map(address)).size).toBe(100);
    expect(
      await bench.peer(
        namespace(leases[99] as NetworkLease),
        'resolve',
        'n0',
        'A',
        network.describe().gateway,
      ),
    ).toBe(`NOERROR ${address(leases[0] as NetworkLease)}`);
    await Promise.all(leases.map((lease, index) => network.detach(bench.id(index), lease)));
    expect(await network.inventory()).toEqual([]);
    const next = await attach(network, bench.id(200));
    expect(leases.map(address)).not.toContain(address(next));
    await network.detach(bench.id(200), next);
  }, 30_000);

  test('teardown leaves the host as it was', async () => {
    const bench = newBench();
    const forwarding = readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8');
    const network = bench.network();
    await network.start(new Map());
    const lease = await attach(network, bench.id(1), 0);
    expect(await network.teardown().catch((error: unknown) => isHullError(error, 'wrong-state'))).toBe(true);
    await network.detach(bench.id(1), lease);
    await network.detach(bench.id(1), lease);
    await network.teardown();
    await network.teardown();
    expect(await bench.traces()).toEqual([]);
    expect(existsSync(`${bench.identity.runDir}/netns`)).toBe(false);
    if (forwarding.trim() === '0') expect(existsSync(`${bench.identity.runDir}/network-restore`)).toBe(false);
  });

  test('a stopped network leaves running instances alone, and a new one takes them over', async () => {
    const bench = newBench();
    const first = bench.network();
    await first.start(new Map());
    const lease = await attach(first, bench.id(1), 0);
    const other = await attach(first, bench.id(2));
    await bench.serve(namespace(lease), 'kept', 'tcp:80');
    const port = String(lease.ports[0]?.hostPort);
    const { subnet } = first.describe();
    await first.stop();
    expect(await bench.peer(null, 'ask', 'tcp', '127.0.0.1', port)).toStartWith('kept ');

    const second = bench.network();
    await second.start(leased([bench.id(1), lease], [bench.id(2), other]));
    expect(second.describe().subnet).toBe(subnet);
    expect(await bench.peer(null, 'ask', 'tcp', '127.0.0.1', port)).toStartWith('kept ');
    expect(await bench.peer(namespace(other), 'resolve', 'n1', 'A', second.describe().gateway)).toBe(
      `NOERROR ${address(lease)}`,
    );
    expect(await canListen(Number(port))).toBe(false);
    expect(address(await attach(second, bench.id(3)))).not.toBe(address(lease));
    const owners = (await second.inventory()).map(({ owner }) => owner ?? 'nobody');
    const expected = [1, 1, 1, 2, 2, 3, 3].map((id) => bench.id(id));
    expect(owners.toSorted((a, b) => a.localeCompare(b))).toEqual(expected);
    await second.detach(bench.id(1), lease);
    expect(await canListen(Number(port))).toBe(true);
    expect(await bench.peer(null, 'ask', 'tcp', '127.0.0.1', port)).toBe('nothing');
    await second.stop();
  });

  test('what somebody removed behind its back is made again', async () => {
    const bench = newBench();
    const first = bench.network();
    await first.start(new Map());
    const lease = await attach(first, bench.id(1), 0);
    const cut = await attach(first, bench.id(2));
    await bench.serve(namespace(lease), 'kept', 'tcp:80');
    await first.stop();
    await bench.host.exec.must(['ip', 'link', 'delete', `hull-${bench.identity.tag}`]);
    await bench.host.exec.must(['ip', 'link', 'delete', cut.attachments[0]?.hostLink ?? '']);
    await bench.host.exec.must(['nft', 'delete', 'table', 'ip', `hull_${bench.identity.tag}`]);
    const second = bench.network();
    await second.start(leased([bench.id(1), lease], [bench.id(2), cut]));
    expect(await bench.peer(null, 'ask', 'tcp', '127.0.0.1', String(lease.ports[0]?.hostPort))).toStartWith(
      'kept ',
    );
    expect(await bench.peer(namespace(cut), 'ask', 'tcp', address(lease), '80')).toBe(`kept ${address(cut)}`);
    await second.stop();
  });

  test('leases whose namespaces went with a reboot are held until they are given back', async () => {
    const bench = newBench();
    const first = bench.network();
    await first.start(new Map());
    const lease = await attach(first, bench.id(1), 0);
    await first.detach(bench.id(1), lease);
    await first.teardown();
    const second = bench.network();
    await second.start(leased([bench.id(1), lease]));
    expect(second.describe().gateway).toBe(lease.attachments[0]?.endpoint.gateway ?? '');
    await second.detach(bench.id(1), lease);
    expect(await second.inventory()).toEqual([]);
    await second.stop();
  });

  test('a port that was taken while no daemon ran does not keep it from starting', async () => {
    const bench = newBench();
    const first = bench.network();
    await first.start(new Map());
    const lease = await attach(first, bench.id(1), 0);
    await first.stop();
    const taker = createServer();
    await new Promise<void>((resolve) => taker.listen(lease.ports[0]?.hostPort, '0.0.0.0', resolve));
    const second = bench.network();
    await second.start(leased([bench.id(1), lease]));
    taker.close();
    await bench.serve(namespace(lease), 'kept', 'tcp:80');
    const reply = await bench.peer(null, 'ask', 'tcp', '127.0.0.1', String(lease.ports[0]?.hostPort));
    expect(reply).toStartWith('kept ');
    await second.detach(bench.id(1), lease);
    await second.stop();
  });

  test('the inventory of a network that does not run lists everything without owner, and each can be removed', async () => {
    const bench = newBench();
    const network = bench.network();
    await network.start(new Map());
    await attach(network, bench.id(1), 0);
    await network.stop();
    const left = await network.inventory();
    expect(left.map(({ kind }) => kind).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'link',
      'link',
      'namespace',
      'nft',
      'nft',
    ]);
    expect(left.every(({ owner }) => owner === null)).toBe(true);
    for (const leftover of left) await leftover.remove();
    expect(await bench.traces()).toEqual([]);
  });

  test('the subnet stays the same over restarts, and two engines never share one', async () => {
    const [a, b] = [newBench(), newBench()];
    const networks = [a.network(), b.network()] as const;
    await Promise.all(networks.map((network) => network.start(new Map())));
    const subnets = networks.map((network) => network.describe().subnet);
    expect(new Set(subnets).size).toBe(2);
    await networks[1].teardown();
    await networks[0].teardown();
    const again = b.network();
    await again.start(new Map());
    expect(again.describe().subnet).toBe(subnets[1] ?? '');
    await again.stop();
  });

  test('a subnet of the user’s own is taken or refused with a reason', async () => {
    const bench = newBench();
    const network = bench.network({ subnet: '10.213.7.0/29' });
    await network.start(new Map());
    expect(network.describe()).toMatchObject({ subnet: '10.213.7.0/29', gateway: '10.213.7.1' });
    const first = await attach(network, bench.id(1));
    expect(address(first)).toStartWith('10.213.7.');
    await network.stop();
    const bad = bench.network({ subnet: '10.213.7.0/30' });
    expect(await bad.start(new Map()).catch((error: unknown) => isHullError(error, 'invalid-argument'))).toBe(
      true,
    );
  });

  test('a bridge that is full refuses before anything is made', async () => {
    const bench = newBench();
    const links = new Links(bench.host, {
      prefix: 'hlnone-',
      group: 1,
      guard: new PortGuard({ name: 'none', prefix: 'hlnone-', change: () => Promise.resolve() }),
    });
    const pairs = Array.from({ length: BRIDGE_PORT_LIMIT + 1 }, (_, index) => ({
      hostLink: `hlnone-${index}`,
      namespace: '/none',
      macAddress: '',
      addresses: [],
    }));
    const failure = await links
      .create(pairs, { bridge: 'hull-none', mtu: 1500 })
      .catch((error: unknown) => error);
    expect(isHullError(failure, 'address-in-use') && failure.message).toContain('1023 ports in use');
    expect(links.list()).toEqual([]);
  });

  test.each([40, 90, 150, 220, 300])(
    'a daemon killed after %p ms leaves nothing that the next one does not remove',
    async (delay) => {
      const bench = newBench();
      const { tag, dataDir, runDir } = bench.identity;
      const child = bench.host.exec.spawn([process.execPath, DAEMON, tag, dataDir, runDir]);
      await Bun.sleep(delay);
      child.kill('SIGKILL');
      await child.exited;
      const next = bench.network();
      await next.start(new Map());
      expect(await next.inventory()).toEqual([]);
      await next.teardown();
      expect(await bench.traces()).toEqual([]);
    },
  );

  test('a killed daemon’s instances are taken over with their ports', async () => {
    const bench = newBench();
    const { tag, dataDir, runDir } = bench.identity;
    const child = bench.host.exec.spawn([process.execPath, DAEMON, tag, dataDir, runDir, '1'], {
      stdout: 'pipe',
    });
    let text = '';
    for await (const chunk of child.stdout ?? []) {
      text += String(chunk);
      if (text.split('\n').length > 5) break;
    }
    child.kill('SIGKILL');
    await child.exited;
    const entries = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; lease: NetworkLease });
    const next = bench.network();
    await next.start(new Map(entries.map(({ id, lease }) => [id, { lease, names: [] }])));
    await bench.serve(namespace(entries[0]?.lease as NetworkLease), 'kept', 'udp:1812');
    expect(
      await bench.peer(null, 'ask', 'udp', '127.0.0.1', String(entries[0]?.lease.ports[0]?.hostPort)),
    ).toStartWith('kept ');
    expect((await next.inventory()).filter(({ owner }) => owner === null)).toEqual([]);
    for (const { id, lease } of entries) await next.detach(id, lease);
    expect(await next.inventory()).toEqual([]);
    await next.stop();
  });
});
