/**
 * Plays a host that has its address and its default route from a router's advertisements, in network and mount namespaces of its own (run under
 * `unshare --net --mount`), and instances that send advertisements too. Prints what the host made of it as one line of JSON.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { namespace, NetworkBench } from './bench.ts';
import { ALL_NODES, routerAdvertisement } from './frames.ts';

const CONF = '/proc/sys/net/ipv6/conf';
const bench = new NetworkBench();
bench.host.mounts.mount('sysfs', '/sys', 'sysfs');
await bench.inside(null, 'ip', 'link', 'set', 'lo', 'up');
for (const name of ['all', 'default']) writeFileSync(`${CONF}/${name}/accept_dad`, '0');
const read = (link: string, name: string) => readFileSync(`${CONF}/${link}/${name}`, 'utf8').trim();
const uplink = `t${bench.identity.tag}-router`;

/** Settings of every link but the engine's own. */
const settings = () =>
  readdirSync(CONF)
    .filter((link) => link !== 'all' && !/^(hull-|hl|br-)/.test(link))
    .map((link) => `${link}: ${read(link, 'accept_ra')} ${read(link, 'forwarding')}`);

const defaults = async () =>
  (await bench.inside(null, 'ip', '-6', 'route', 'show', 'default'))
    .replaceAll(/ (metric|expires|hoplimit|pref).*/g, '')
    .split('\n');
const has = async (prefix: string) => (await bench.inside(null, 'ip', '-6', 'address')).includes(prefix);

/** Advertises from a namespace's first link, as a computer of that hardware address. */
async function advertise(from: string, prefix: string, times: number): Promise<void> {
  const fromMac = JSON.parse(await bench.inside(from, 'ip', '-j', 'link', 'show', 'eth0')) as {
    address: string;
  }[];
  const ends = {
    fromMac: fromMac[0]?.address ?? '',
    toMac: ALL_NODES.mac,
    from: 'fe80::bad',
    to: ALL_NODES.ip,
  };
  await bench.send(from, 'eth0', ...Array.from({ length: times }, () => routerAdvertisement(ends, prefix)));
  await Bun.sleep(100);
}

const network = bench.network();
try {
  const router = await bench.computer('router', '198.18.253');
  await advertise(router, '2001:db8:1::', 1);
  const before = { settings: settings(), defaults: await defaults(), address: await has('2001:db8:1:') };
  // As a daemon leaves it that is killed between two settings.
  const path = `${CONF}/${uplink}/accept_ra`;
  writeFileSync(path, '2');
  writeFileSync(join(bench.identity.runDir, 'network-restore'), JSON.stringify({ [path]: '1' }));
  await network.start(new Map());
  const recovered = read(uplink, 'accept_ra');
  const definition = await bench.addNetwork(network, { ipv6: true });
  const during = { settings: settings(), defaults: await defaults(), forwarding: read('all', 'forwarding') };
  // The host goes on listening to its router.
  await advertise(router, '2001:db8:2::', 1);
  const listens = await has('2001:db8:2:');

  const plain = await network.attach({ instanceId: bench.id(1), mode: 'bridge', ports: [], names: [] });
  const dual = await bench.attachTo(network, 2, [definition]);
  for (const lease of [plain, dual]) await advertise(namespace(lease), '2001:db8:bad::', 3);
  const links = readdirSync(CONF).filter((link) => /^(hull-|hl|br-)/.test(link));
  const taken = {
    defaults: await defaults(),
    address: await has('2001:db8:bad:'),
    listening: links.filter(
      (link) => read(link, 'accept_ra') !== '0' || read(link, 'accept_redirects') !== '0',
    ),
  };
  await network.detach(bench.id(1), plain);
  await network.detach(bench.id(2), dual);
  await network.remove(definition);
  await network.teardown();
  const after = { settings: settings(), defaults: await defaults(), forwarding: read('all', 'forwarding') };
  console.log(JSON.stringify({ before, recovered, during, listens, taken, links: links.length, after }));
} finally {
  await bench.clean();
}
process.exit(0);
