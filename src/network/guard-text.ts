import { bytesOf, formatIp, linkLocalOf, parseIp } from '../lib/ip.ts';

/** A port of a bridge, and what may come from it. */
export interface GuardedPort {
  readonly hostLink: string;
  readonly macAddress: string;
  /** The instance's own, of both families, as text. Without an IPv6 address it sends no IPv6. */
  readonly addresses: readonly string[];
  /** Anything may come from it: its network was made so. */
  readonly open: boolean;
}

const SETS = ['open', 'six', 'own4', 'own6', 'target', 'known', 'known_target'] as const;
type SetName = (typeof SETS)[number];
const CHAINS = ['guard', 'arp_guard', 'ip4_guard', 'ip6_guard', 'target_guard'] as const;

/** Elements of sets. */
export type Elements = Readonly<Record<SetName, readonly string[]>>;

/**
 * The bridges' table, as one transaction that replaces what is there: what an instance may send. `docs/networking.md` explains it. A frame of a port
 * that no element speaks of is dropped, so a port is never open before its element is there. `prefix`: what the names of all ports begin with.
 */
export function guardText(table: string, prefix: string, elements: Elements): string {
  return `table bridge ${table} {
  set open { type ifname; }
  set six { type ifname . ether_addr; }
  set own4 { type ifname . ether_addr . ipv4_addr; }
  set own6 { type ifname . ipv6_addr; }
  set target { typeof iifname . @th,64,128; }
  set known { type ipv6_addr; }
  set known_target { typeof @th,64,128; }
  chain guard {
    type filter hook prerouting priority -300; policy accept;
  }
${CHAINS.slice(1)
  .map((chain) => `  chain ${chain} {\n  }\n`)
  .join('')}}
${CHAINS.map((chain) => `flush chain bridge ${table} ${chain}\n`).join('')}${SETS.map((set) => `flush set bridge ${table} ${set}\n`).join('')}${rulesText(table, prefix)}${elementsText('add', table, elements)}`;
}

/**
 * ARP: RFC 826, with probes (RFC 5227) for one's own address alone. IPv4: no DHCP server, no redirect, no router, no IGMP querier. IPv6: of
 * neighbour discovery (RFC 4861) the messages of hosts, about one's own addresses, and whole (a fragmented one hides what it is, RFC 6980). A
 * link-local address may be another than the one that follows from the hardware address (RFC 7217), but nobody's who is known.
 */
function rulesText(table: string, prefix: string): string {
  return `table bridge ${table} {
  chain guard {
    iifname != "${prefix}*" accept
    ether type ip goto ip4_guard
    ether type arp goto arp_guard
    ether type ip6 goto ip6_guard
    iifname != @open drop
  }
  chain ip4_guard {
    iifname . ether saddr . ip saddr != @own4 iifname != @open drop
    meta l4proto udp udp dport 68 iifname != @open drop
    meta l4proto icmp icmp type { redirect, router-advertisement } iifname != @open drop
    meta l4proto igmp igmp type membership-query iifname != @open drop
  }
  chain arp_guard {
    iifname @open accept
    arp htype != 1 drop
    arp operation != { request, reply } drop
    arp saddr ip 0.0.0.0 arp operation request iifname . ether saddr . arp daddr ip @own4 accept
    iifname . ether saddr . arp saddr ip != @own4 drop
    iifname . arp saddr ether . arp saddr ip != @own4 drop
  }
  chain ip6_guard {
    iifname @open accept
    iifname . ether saddr != @six drop
    exthdr frag exists ip6 hoplimit 255 drop
    meta l4proto udp udp dport 546 drop
    meta l4proto ipv6-icmp icmpv6 type { nd-router-advert, nd-redirect, mld-listener-query, router-renumbering, 151 } drop
    meta l4proto ipv6-icmp icmpv6 type nd-neighbor-advert jump target_guard
    ip6 saddr :: meta l4proto ipv6-icmp icmpv6 type nd-neighbor-solicit jump target_guard
    ip6 saddr :: meta l4proto ipv6-icmp icmpv6 type { nd-neighbor-solicit, nd-router-solicit, mld-listener-report, mld-listener-done, mld2-listener-report } accept
    iifname . ip6 saddr @own6 accept
    ip6 saddr fe80::/10 ip6 saddr != @known accept
    drop
  }
  chain target_guard {
    iifname . @th,64,128 @target return
    @th,64,16 & 0xffc0 == 0xfe80 @th,64,128 != @known_target return
    drop
  }
}
`;
}

/** Adds or deletes elements. Empty for none. */
export function elementsText(verb: 'add' | 'delete', table: string, elements: Elements): string {
  return SETS.map((set) =>
    elements[set].length === 0
      ? ''
      : `${verb} element bridge ${table} ${set} { ${elements[set].join(', ')} }\n`,
  ).join('');
}

/** `known`: link-local addresses of the bridges themselves. Pure. */
export function elementsOf(ports: readonly GuardedPort[], known: readonly string[]): Elements {
  const guarded = ports.filter(({ open }) => !open);
  const each = (of: (port: GuardedPort) => readonly string[]) => guarded.flatMap(of);
  const locals = [...new Set([...known, ...each((port) => (isSix(port) ? [localOf(port)] : []))])];
  return {
    open: ports.flatMap(({ open, hostLink }) => (open ? [quoted(hostLink)] : [])),
    six: each((port) => (isSix(port) ? [`${quoted(port.hostLink)} . ${port.macAddress}`] : [])),
    own4: each(({ hostLink, macAddress, addresses }) =>
      addresses.filter(isIpv4).map((address) => `${quoted(hostLink)} . ${macAddress} . ${address}`),
    ),
    own6: each((port) => addresses6(port).map((address) => `${quoted(port.hostLink)} . ${address}`)),
    target: each((port) =>
      addresses6(port).map((address) => `${quoted(port.hostLink)} . ${numberOf(address)}`),
    ),
    known: locals,
    known_target: locals.map(numberOf),
  };
}

/** With the link-local one that follows from the hardware address. */
function addresses6(port: GuardedPort): string[] {
  return isSix(port) ? [...port.addresses.filter((address) => !isIpv4(address)), localOf(port)] : [];
}

const quoted = (link: string): string => `"${link}"`;
const isIpv4 = (address: string): boolean => !address.includes(':');
const isSix = ({ addresses }: GuardedPort): boolean => !addresses.every(isIpv4);
const localOf = ({ macAddress }: GuardedPort): string => formatIp(linkLocalOf(macAddress));

/** As the packet has it: sixteen bytes as one number. */
function numberOf(text: string): string {
  const address = parseIp(text);
  return `0x${address === null ? '0' : Buffer.from(bytesOf(address)).toString('hex')}`;
}
