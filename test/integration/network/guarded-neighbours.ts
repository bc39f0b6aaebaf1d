/**
 * Plays a host with instances that send what is not theirs, in network and mount namespaces of its own (run under `unshare --net --mount`).
 * Argument: `refuses` for a host whose nft knows no tables for bridges. Prints which frames arrived at a neighbour as one line of JSON.
 */
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BRIDGE_OPTIONS } from '../../../src/model/network.ts';
import { formatIp, linkLocalOf } from '../../../src/lib/ip.ts';
import type { NetworkLease } from '../../../src/network/network.ts';
import { namespace, NetworkBench } from './bench.ts';
import * as frames from './frames.ts';

const bench = new NetworkBench();
bench.host.mounts.mount('sysfs', '/sys', 'sysfs');
await bench.inside(null, 'ip', 'link', 'set', 'lo', 'up');
const OTHER_MAC = '02:42:99:99:99:99';
const GROUP6 = { mac: frames.ALL_NODES.mac, ip: frames.ALL_NODES.ip };
const local = (mac: string) => formatIp(linkLocalOf(mac));

function placeOf(lease: NetworkLease) {
  const endpoint = lease.attachments[0]?.endpoint;
  if (endpoint === undefined) throw new Error('it has no place');
  return {
    ip: endpoint.address,
    ip6: endpoint.ipv6?.address ?? '',
    mac: endpoint.macAddress,
    gateway: endpoint.gateway,
  };
}
type Place = ReturnType<typeof placeOf>;

/** What a computer of this place may send to that neighbour, and what it may not. */
function ipv4Frames(own: Place, neighbour: Place): Record<string, string> {
  const to = { fromMac: own.mac, toMac: neighbour.mac, from: own.ip, to: neighbour.ip };
  const as = (from: string) => ({ ...to, from });
  const everybody = { ...to, toMac: frames.BROADCAST };
  const igmp = [0x11, 100, 0xee, 0x9b, 0, 0, 0, 0];
  return {
    'own datagram': frames.udp(to, [1000, 2000], 'own'),
    'own question': frames.arp(everybody, 1),
    'own announcement': frames.arp({ ...everybody, to: own.ip }, 1),
    'own answer': frames.arp(to, 2),
    'probe for the own address': frames.arp({ ...everybody, from: '0.0.0.0', to: own.ip }, 1),
    'BAD datagram of the gateway': frames.udp(as(own.gateway), [1000, 2000], 'gateway'),
    'BAD datagram of a stranger': frames.udp(as('198.51.100.7'), [1000, 2000], 'stranger'),
    'BAD datagram of loopback': frames.udp(as('127.0.0.1'), [1000, 2000], 'loopback'),
    'BAD hardware address': frames.udp({ ...to, fromMac: OTHER_MAC }, [1000, 2000], 'mac'),
    'BAD answer for the gateway': frames.arp(as(own.gateway), 2),
    'BAD announcement of the gateway': frames.arp({ ...everybody, from: own.gateway, to: own.gateway }, 1),
    'BAD answer by another hardware address': frames.arp(to, 2, OTHER_MAC),
    'BAD probe for the neighbour’s address': frames.arp({ ...everybody, from: '0.0.0.0' }, 1),
    'BAD datagram of the gateway, priority tag': frames.udp(as(own.gateway), [1000, 2000], 'tag0', [0]),
    'BAD own datagram, VLAN': frames.udp(to, [1000, 2000], 'tag5', [5]),
    'BAD own datagram, VLAN in VLAN': frames.udp(to, [1000, 2000], 'tags', [0, 0]),
    'BAD DHCP offer': frames.udp(to, [67, 68], 'offer'),
    'BAD redirect': frames.redirect(to, own.ip, { ...to, from: neighbour.ip, to: '203.0.113.1' }),
    'BAD redirect of the gateway': frames.redirect(as(own.gateway), own.ip, {
      ...to,
      from: neighbour.ip,
      to: '203.0.113.1',
    }),
    'BAD IGMP query': frames.ipv4(to, 2, igmp),
    'BAD other protocol': frames.ethernet(own.mac, neighbour.mac, 0x88b5, [1, 2, 3, 4]),
    'BAD router': frames.routerAdvertisement(
      { fromMac: own.mac, toMac: GROUP6.mac, from: local(own.mac), to: GROUP6.ip },
      '2001:db8::',
    ),
  };
}

function ipv6Frames(
  own: Place,
  neighbour: Place,
  gateway6: string,
  bridgeMac: string,
): Record<string, string> {
  const to = { fromMac: own.mac, toMac: neighbour.mac, from: own.ip6, to: neighbour.ip6 };
  const as = (from: string) => ({ ...to, from });
  const locally = as(local(own.mac));
  const group = { ...locally, toMac: GROUP6.mac, to: GROUP6.ip };
  const [first = '', second = ''] = frames.fragmented6(
    group,
    134,
    frames.advertisementBody(group, '2001:db8::'),
  );
  const about = [0, 0, 0, 0, ...frames.bytesOfIp(own.ip6), ...frames.bytesOfIp('2001:db8::1')];
  return {
    'own datagram': frames.udp(to, [1000, 2000], 'own'),
    'own datagram, link-local': frames.udp(locally, [1000, 2000], 'local'),
    'own datagram, random link-local': frames.udp(as('fe80::1234:5678'), [1000, 2000], 'random'),
    'own answer': frames.neighbourAdvertisement(to, own.ip6),
    'own answer, random link-local': frames.neighbourAdvertisement(to, 'fe80::1234:5678'),
    'own question': frames.neighbourSolicitation(to, neighbour.ip6),
    'looks whether its address is free': frames.neighbourSolicitation({ ...group, from: '::' }, own.ip6),
    'BAD datagram of the neighbour': frames.udp(as(neighbour.ip6), [1000, 2000], 'neighbour'),
    'BAD datagram of the gateway': frames.udp(as(gateway6), [1000, 2000], 'gateway'),
    'BAD datagram of the gateway, link-local': frames.udp(as(local(bridgeMac)), [1000, 2000], 'gateway'),
    'BAD datagram of the neighbour, link-local': frames.udp(
      as(local(neighbour.mac)),
      [1000, 2000],
      'neighbour',
    ),
    'BAD hardware address': frames.udp({ ...to, fromMac: OTHER_MAC }, [1000, 2000], 'mac'),
    'BAD answer for the gateway': frames.neighbourAdvertisement(to, gateway6),
    'BAD answer for the gateway, link-local': frames.neighbourAdvertisement(to, local(bridgeMac)),
    'BAD answer for the neighbour': frames.neighbourAdvertisement(group, neighbour.ip6),
    'BAD look whether the neighbour’s address is free': frames.neighbourSolicitation(
      { ...group, from: '::' },
      neighbour.ip6,
    ),
    'BAD router': frames.routerAdvertisement(group, '2001:db8::'),
    'BAD router behind a header': frames.routerAdvertisement(group, '2001:db8::', { extension: true }),
    'BAD router in fragments, first': first,
    'BAD router in fragments, second': second,
    'BAD redirect': frames.icmp6(locally, 137, about),
    'BAD redirect of the gateway': frames.icmp6(as(local(bridgeMac)), 137, about),
    'BAD DHCPv6 advertisement': frames.udp(locally, [547, 546], 'advertise'),
    'BAD MLD query': frames.icmp6(group, 130, [0, 0, 0, 0, ...frames.bytesOfIp('::')]),
  };
}

/** As a packet socket hands a frame over: the outer VLAN tag lies beside it. */
const untagged = (frame: string): string =>
  frame.slice(24, 28) === '8100' ? frame.slice(0, 24) + frame.slice(32) : frame;

/** Which of the frames that one sends arrive at the other. */
async function arrived(
  from: NetworkLease,
  to: NetworkLease,
  sent: Readonly<Record<string, string>>,
): Promise<string[]> {
  const heard = await bench.hear(namespace(to), 'eth0', () =>
    bench.send(namespace(from), 'eth0', ...Object.values(sent)),
  );
  return Object.entries(sent).flatMap(([name, frame]) =>
    heard.includes(frame) || heard.includes(untagged(frame)) ? [name] : [],
  );
}

if (process.argv[2] === 'refuses') {
  const [nft, wrapper] = [join(bench.folder, 'nft'), join(bench.folder, 'wrapper')];
  copyFileSync('/usr/sbin/nft', nft);
  const refusal = '*"table bridge"*) echo "no such family" >&2; exit 1';
  const script = `#!/bin/sh\n[ "$1" = -f ] || exec "${nft}" "$@"\ntext=$(cat)\ncase "$text" in ${refusal};; esac\nprintf "%s\\n" "$text" | "${nft}" -f -\n`;
  writeFileSync(wrapper, script);
  for (const path of [nft, wrapper]) chmodSync(path, 0o755);
  await bench.inside(null, 'mount', '--bind', wrapper, '/usr/sbin/nft');
}

const network = bench.network();
try {
  await network.start(new Map());
  const [one, two] = [await plain(1), await plain(2)] as const;
  const sixth = await bench.addNetwork(network, { ipv6: true });
  const [six, seven] = [
    await bench.attachTo(network, 3, [sixth]),
    await bench.attachTo(network, 4, [sixth]),
  ] as const;
  const open = await bench.addNetwork(network, { ipv6: true, options: { [BRIDGE_OPTIONS.guard]: 'false' } });
  const [eight, nine] = [
    await bench.attachTo(network, 5, [open]),
    await bench.attachTo(network, 6, [open]),
  ] as const;
  const bridgeMac = (link: string) => readFileSync(`/sys/class/net/${link}/address`, 'utf8').trim();
  const four = () => ipv4Frames(placeOf(one), placeOf(two));
  const onSix = (a: NetworkLease, b: NetworkLease, link: string) =>
    ipv6Frames(placeOf(a), placeOf(b), a.attachments[0]?.endpoint.ipv6?.gateway ?? '', bridgeMac(link));
  const ipv4 = await arrived(one, two, four());
  const ipv6 = await arrived(six, seven, onSix(six, seven, sixth.link));
  const opened = await arrived(eight, nine, onSix(eight, nine, open.link));
  const victim = placeOf(two);
  // A frame for the bridge itself: it must not learn the sender's address.
  const control = frames.ethernet(victim.mac, '01:80:c2:00:00:0e', 0x88cc, [0, 0]);
  await bench.send(namespace(one), 'eth0', control);
  const learnt = await bench.inside(null, 'bridge', 'fdb', 'show', 'dev', one.attachments[0]?.hostLink ?? '');
  // The next daemon guards the same ports.
  await network.stop();
  const again = bench.network();
  const known = [one, two, six, seven, eight, nine].map(
    (lease, index) => [bench.id(index + 1), { lease, names: [] }] as const,
  );
  const definitions = [sixth, open];
  await again.start(new Map(known), definitions);
  const later = {
    ipv4: await arrived(one, two, four()),
    ipv6: await arrived(six, seven, onSix(six, seven, sixth.link)),
  };
  const warnings = again.warnings();
  for (const [id, { lease }] of known) await again.detach(id, lease);
  for (const definition of definitions) await again.remove(definition);
  await again.teardown();
  const seen = { ipv4, ipv6, later, opened, learnt: learnt.includes(victim.mac), warnings };
  console.log(JSON.stringify({ ...seen, traces: await bench.traces() }));
} finally {
  await bench.clean();
}
process.exit(0);

function plain(number: number): Promise<NetworkLease> {
  return network.attach({ instanceId: bench.id(number), mode: 'bridge', ports: [], names: [] });
}
