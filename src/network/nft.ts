import type { PortBinding } from '../model/instance.ts';

/** A published port as the firewall needs it: where it is reached on the host, and where it leads. */
export interface Forward {
  readonly protocol: PortBinding['protocol'];
  /** '0.0.0.0' or '::' for every address of the host. */
  readonly hostIp: string;
  readonly hostPort: number;
  readonly address: string;
  readonly port: number;
}

/** One family of a bridge, as the firewall sees it. */
export interface BridgeRules {
  readonly bridge: string;
  readonly subnet: string;
  readonly gateway: string;
  /** Where the engine's DNS server listens on the gateway address; null: none for this family. */
  readonly dns: { readonly udp: number; readonly tcp: number } | null;
  readonly internal: boolean;
  /** May its instances speak to each other? */
  readonly among: boolean;
  /** Does the source become the host's when a packet leaves? */
  readonly masquerade: boolean;
  /** Is what comes from elsewhere than its subnet dropped here? Where bridges cannot have a guard for each port. */
  readonly subnetOnly: boolean;
}

export type TableFamily = 'ip' | 'ip6';

export const ANY_ADDRESS = '0.0.0.0';
export const ANY_ADDRESS_6 = '::';
/** Host port to instance, for every address of the host, and for one address. */
const ANY_MAP = 'published';
const ONE_MAP = 'published_on_address';
/** The chain that is the host's administrator's: its rules are never touched. */
const USER_CHAIN = 'user';
/** Everything that is written anew; `user` is not among them. */
const CHAINS = [
  'publish',
  'loopback_guard',
  'name_limit',
  'prerouting',
  'output',
  'forward',
  'postrouting',
] as const;
/** Queries for names a second of one address, and at once after a pause: more do not reach the resolver, whose socket all of a bridge share. */
const NAME_RATE = { second: 1000, burst: 200 } as const;
const MAPS = [ANY_MAP, ONE_MAP, 'bridges', 'neighbours', 'dns_udp', 'dns_tcp'] as const;

/**
 * The whole table as one transaction that replaces what is there, but for the user's chain. `docs/networking.md` explains each chain. Every
 * chain only speaks about this engine's bridges, and accepts everything else, so that it never decides for others.
 */
export function tableText(
  family: TableFamily,
  table: string,
  bridges: readonly BridgeRules[],
  forwards: readonly Forward[],
): string {
  const address = family === 'ip' ? 'ipv4_addr' : 'ipv6_addr';
  return `table ${family} ${table} {
  map ${ANY_MAP} { type inet_proto . inet_service : ${address} . inet_service; }
  map ${ONE_MAP} { type ${address} . inet_proto . inet_service : ${address} . inet_service; }
  set bridges { type ifname; }
  map neighbours { type ifname . ifname : verdict; }
  map dns_udp { type ifname . ${address} : inet_service; }
  map dns_tcp { type ifname . ${address} : inet_service; }
  set name_rate { type ${address}; size 65535; flags dynamic,timeout; timeout 1m; }
  chain ${USER_CHAIN} {
  }
  chain publish {
  }
  chain loopback_guard {
    type filter hook prerouting priority raw; policy accept;
  }
  chain name_limit {
    type filter hook prerouting priority raw; policy accept;
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
  }
  chain output {
    type nat hook output priority -100; policy accept;
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
  }
}
${CHAINS.map((chain) => `flush chain ${family} ${table} ${chain}\n`).join('')}${MAPS.map((map) => `flush ${map === 'bridges' ? 'set' : 'map'} ${family} ${table} ${map}\n`).join('')}table ${family} ${table} {
${rulesText(family, bridges)}}
${setsText(family, table, bridges)}${elementsText('add', table, forwards)}`;
}

function rulesText(family: TableFamily, bridges: readonly BridgeRules[]): string {
  const loopback = family === 'ip' ? '127.0.0.0/8' : '::1';
  return `  chain publish {
    meta l4proto { tcp, udp, sctp } dnat ${family} to ${family} daddr . meta l4proto . th dport map @${ONE_MAP}
    meta l4proto { tcp, udp, sctp } dnat ${family} to meta l4proto . th dport map @${ANY_MAP}
  }
  chain loopback_guard {
    iifname @bridges ${family} daddr ${loopback} drop
    iifname @bridges ${family} saddr ${loopback} drop
${bridges
  .filter((bridge) => bridge.subnetOnly)
  .map((bridge) => strangersText(family, bridge))
  .join('')}  }
  chain name_limit {
    iifname @bridges udp dport 53 update @name_rate { ${family} saddr limit rate over ${NAME_RATE.second}/second burst ${NAME_RATE.burst} packets } drop
  }
  chain prerouting {
    udp dport 53 redirect to :iifname . ${family} daddr map @dns_udp
    tcp dport 53 redirect to :iifname . ${family} daddr map @dns_tcp
    ${family} daddr ${loopback} return
    fib daddr type local jump publish
  }
  chain output {
${family === 'ip6' ? '    ip6 daddr ::1 return\n' : ''}    fib daddr type local jump publish
  }
  chain forward {
    iifname != @bridges oifname != @bridges accept
    jump ${USER_CHAIN}
    ct state established,related accept
${bridges
  .filter((bridge) => bridge.internal)
  .map(internalText)
  .join('')}    ct status dnat accept
    iifname . oifname vmap @neighbours
    oifname @bridges drop
  }
  chain postrouting {
${bridges.map((bridge) => sourceText(family, bridge)).join('')}${family === 'ip' ? `    ip saddr ${loopback} oifname @bridges masquerade\n` : ''}  }
`;
}

/** DHCP clients and neighbour discovery speak before they have an address of the subnet. */
function strangersText(family: TableFamily, { bridge, subnet }: BridgeRules): string {
  const early = family === 'ip' ? '0.0.0.0' : '::, fe80::/10';
  return `    iifname "${bridge}" ${family} saddr != { ${subnet}, ${early} } drop\n`;
}

/** Nothing in, nothing out. */
function internalText({ bridge }: BridgeRules): string {
  return `    iifname "${bridge}" oifname != "${bridge}" drop
    oifname "${bridge}" iifname != "${bridge}" drop
`;
}

function sourceText(family: TableFamily, { bridge, subnet, masquerade, internal }: BridgeRules): string {
  const out =
    masquerade && !internal ? `    ${family} saddr ${subnet} oifname != "${bridge}" masquerade\n` : '';
  // An instance that reaches its neighbour, or itself, by a published port: the answer must come back this way.
  return `${out}    ${family} saddr ${subnet} oifname "${bridge}" ct status dnat masquerade\n`;
}

function setsText(family: TableFamily, table: string, bridges: readonly BridgeRules[]): string {
  const add = (name: string, elements: readonly string[]) =>
    elements.length === 0 ? '' : `add element ${family} ${table} ${name} { ${elements.join(', ')} }\n`;
  const dns = (protocol: 'udp' | 'tcp') =>
    bridges.flatMap(({ bridge, gateway, dns: ports }) =>
      ports === null ? [] : [`"${bridge}" . ${gateway} : ${ports[protocol]}`],
    );
  return (
    add(
      'bridges',
      bridges.map(({ bridge }) => `"${bridge}"`),
    ) +
    add(
      'neighbours',
      bridges.map(({ bridge, among }) => `"${bridge}" . "${bridge}" : ${among ? 'accept' : 'drop'}`),
    ) +
    add('dns_udp', dns('udp')) +
    add('dns_tcp', dns('tcp'))
  );
}

/** Adds or deletes published ports, of both families. Empty for none. */
export function elementsText(verb: 'add' | 'delete', table: string, forwards: readonly Forward[]): string {
  return forwards
    .map((forward) => `${verb} element ${familyOf(forward)} ${table} ${elementOf(forward)}\n`)
    .join('');
}

export function familyOf(forward: Forward): TableFamily {
  return forward.address.includes(':') ? 'ip6' : 'ip';
}

function elementOf({ protocol, hostIp, hostPort, address, port }: Forward): string {
  const target = `${address} . ${port}`;
  if (hostIp === ANY_ADDRESS || hostIp === ANY_ADDRESS_6)
    return `${ANY_MAP} { ${protocol} . ${hostPort} : ${target} }`;
  return `${ONE_MAP} { ${hostIp} . ${protocol} . ${hostPort} : ${target} }`;
}

/** The published ports in the output of `nft -j list table`; what is not an element of the two maps is skipped. Throws on text that is not JSON. */
export function parseForwards(json: string): Forward[] {
  const listing: unknown = JSON.parse(json);
  return arrayOf(field(listing, 'nftables')).flatMap((entry) => {
    const map = field(entry, 'map');
    return arrayOf(field(map, 'elem')).flatMap((pair) => forwardOf(arrayOf(pair)));
  });
}

function forwardOf(pair: readonly unknown[]): Forward[] {
  const key = arrayOf(field(pair[0], 'concat'));
  const [address, port] = arrayOf(field(pair[1], 'concat'));
  const any = typeof address === 'string' && address.includes(':') ? ANY_ADDRESS_6 : ANY_ADDRESS;
  const [hostIp, protocol, hostPort] = key.length === 2 ? [any, ...key] : key;
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') return [];
  if (
    typeof hostIp !== 'string' ||
    typeof hostPort !== 'number' ||
    typeof address !== 'string' ||
    typeof port !== 'number'
  )
    return [];
  return [{ protocol, hostIp, hostPort, address, port }];
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
