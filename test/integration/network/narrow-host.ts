/**
 * Plays a host between two networks of others, in network and mount namespaces of its own (run under `unshare --net --mount`). Arguments: which
 * firewall the host has (`none`, `nftables`, `iptables-nft`, `iptables-legacy`), and whether it forwarded before (`host` or `router`). Prints who
 * reached what as one line of JSON.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { PortBinding } from '../../../src/model/instance.ts';
import type { NetworkDraft } from '../../../src/network/network.ts';
import { address, namespace, NetworkBench } from './bench.ts';

const [firewall = 'none', role = 'host'] = process.argv.slice(2);
const FORWARD = '/proc/sys/net/ipv4/ip_forward';
const FORWARD6 = '/proc/sys/net/ipv6/conf/all/forwarding';
const REDIRECTS = '/proc/sys/net/ipv4/conf/all/accept_redirects';
const [LEFT, RIGHT] = ['198.18.251', '198.18.252'];
const bench = new NetworkBench();
const { host } = bench;
// /sys shows the links of the namespace that it was mounted in.
host.mounts.mount('sysfs', '/sys', 'sysfs');
await bench.inside(null, 'ip', 'link', 'set', 'lo', 'up');
for (const path of [FORWARD, FORWARD6]) writeFileSync(path, role === 'router' ? '1' : '0');
// Not what the kernel sets it to when forwarding is turned off.
writeFileSync(REDIRECTS, '0');
// Addresses are there at once.
for (const name of ['all', 'default']) writeFileSync(`/proc/sys/net/ipv6/conf/${name}/accept_dad`, '0');

const read = (path: string) => readFileSync(path, 'utf8').trim();
const state = async () => ({
  forwarding: `${read(FORWARD)} ${read(FORWARD6)}`,
  redirects: read(REDIRECTS),
  tables: (await bench.inside(null, 'nft', 'list', 'tables'))
    .split('\n')
    .filter((line) => line.includes('hull_')),
  rules: firewall.startsWith('iptables') ? await bench.inside(null, firewall, '-S') : '',
});

async function makeFirewall(): Promise<void> {
  if (firewall.startsWith('iptables')) await bench.inside(null, firewall, '-P', 'FORWARD', 'DROP');
  if (firewall !== 'nftables') return;
  // Nothing comes from the right: what the engine accepts must not override it.
  const chain = `type filter hook forward priority 10; policy accept; iifname "t${bench.identity.tag}-right" drop;`;
  const text = `table inet admin {\n chain forward {\n ${chain}\n }\n}\n`;
  await host.exec.must(['nft', '-f', '-'], { input: text });
}

/** A neighbour that sends everything to the host, its own loopback addresses too. */
async function neighbour(name: string, prefix: string): Promise<string> {
  const path = await bench.computer(name, prefix);
  const six = name === 'left' ? 'fd00:251::' : 'fd00:252::';
  await bench.inside(
    null,
    'ip',
    'address',
    'add',
    `${six}1/64`,
    'dev',
    `t${bench.identity.tag}-${name}`,
    'nodad',
  );
  const lines = [
    `address add ${six}2/64 dev eth0 nodad`,
    `route add default via ${prefix}.1`,
    `route add default via ${six}1`,
    'address flush dev lo',
    `route add 127.0.0.1 via ${prefix}.1 dev eth0`,
  ];
  const input = `${lines.join('\n')}\n`;
  await host.exec.must([...host.namespaces.enterNet(path), 'ip', '-batch', '-'], { input });
  await bench.inside(path, 'sysctl', '-qw', 'net.ipv6.conf.eth0.accept_dad=0');
  const settings = ['route_localnet=1', 'rp_filter=0', 'accept_local=1'];
  await bench.inside(path, 'sysctl', '-qw', ...settings.map((setting) => `net.ipv4.conf.eth0.${setting}`));
  return path;
}

async function connected(more: Partial<NetworkDraft>, number: number, ports: readonly PortBinding[]) {
  const definition = await bench.addNetwork(network, more);
  return { definition, lease: await bench.attachTo(network, number, [definition], ports) };
}

const tcp = (hostIp: string, hostPort: number): PortBinding => ({
  protocol: 'tcp',
  containerPort: 80,
  hostIp,
  hostPort,
});
const network = bench.network();
try {
  const left = await neighbour('left', LEFT);
  const right = await neighbour('right', RIGHT);
  await makeFirewall();
  await bench.serve(right, 'right', 'tcp:80');
  await bench.serve(left, 'left', 'tcp:80');
  const ask = (from: string | null, to: string, port: number) =>
    bench.peer(from, 'ask', 'tcp', to, String(port));
  const asked = (...questions: readonly Parameters<typeof ask>[]) =>
    Promise.all(questions.map((each) => ask(...each)));
  const across = () => asked([left, `${RIGHT}.2`, 80], [left, 'fd00:252::2', 80]);
  const before = { across: await across(), state: await state() };
  await network.start(new Map());
  // A second start of the same engine must not add its rules twice.
  await network.stop();
  await network.start(new Map());
  const ports = [tcp('0.0.0.0', 8080), tcp('127.0.0.1', 8081), tcp(`${RIGHT}.1`, 8082)];
  const lease = await network.attach({ instanceId: bench.id(1), mode: 'bridge', ports, names: [] });
  const six = await connected({ ipv6: true }, 2, [tcp('::', 8083), tcp('fd00:252::1', 8084)]);
  const inner = await connected({ internal: true, ipv6: true }, 3, []);
  for (const { bundle } of [lease, six.lease, inner.lease])
    if (bundle.mode === 'bridge') await bench.serve(bundle.namespace, 'instance', 'tcp:80');
  const sixth = six.lease.attachments[0]?.endpoint.ipv6?.address ?? '';
  const innerSixth = inner.lease.attachments[0]?.endpoint.ipv6?.address ?? '';
  const during = {
    across: await across(),
    outward: await ask(namespace(lease), `${LEFT}.2`, 80),
    outward6: await ask(namespace(six.lease), 'fd00:251::2', 80),
    published: await asked([left, `${LEFT}.1`, 8080], [null, '127.0.0.1', 8080], [left, 'fd00:251::1', 8083]),
    fromRight: await ask(right, `${RIGHT}.1`, 8080),
    loopback: await asked([null, '127.0.0.1', 8081], [left, '127.0.0.1', 8081], [left, '127.0.0.1', 8080]),
    oneAddress: await asked([null, `${RIGHT}.1`, 8082], [left, `${LEFT}.1`, 8082], [null, '127.0.0.1', 8082]),
    oneAddress6: await asked([null, 'fd00:252::1', 8084], [left, 'fd00:251::1', 8084]),
    direct: await asked([left, address(lease), 80], [left, address(six.lease), 80], [left, sixth, 80]),
    internal: await asked(
      [left, address(inner.lease), 80],
      [left, innerSixth, 80],
      [namespace(inner.lease), `${LEFT}.2`, 80],
      [null, address(inner.lease), 80],
    ),
  };
  for (const [number, each] of [lease, six.lease, inner.lease].entries())
    await network.detach(bench.id(number + 1), each);
  for (const { definition } of [six, inner]) await network.remove(definition);
  await network.teardown();
  console.log(
    JSON.stringify({
      before,
      during,
      after: { across: await across(), state: await state() },
      traces: await bench.traces(),
    }),
  );
} finally {
  await bench.clean();
}
process.exit(0);
