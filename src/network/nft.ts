import type { PortBinding } from '../model/instance.ts';
import { formatSubnet, type Subnet } from './ipv4.ts';

/** A published port as the firewall needs it: where it is reached on the host, and where it leads. */
export interface Forward {
  readonly protocol: PortBinding['protocol'];
  /** '0.0.0.0' for every address of the host. */
  readonly hostIp: string;
  readonly hostPort: number;
  readonly address: string;
  readonly port: number;
}

export interface TableOptions {
  readonly table: string;
  readonly bridge: string;
  readonly subnet: Subnet;
  readonly gateway: string;
  /** Where the engine's DNS server listens on the gateway address. */
  readonly dns: { readonly udp: number; readonly tcp: number };
}

export const ANY_ADDRESS = '0.0.0.0';
/** Host port to instance, for every address of the host, and for one address. */
const ANY_MAP = 'published';
const ONE_MAP = 'published_on_address';

/**
 * The whole table as one transaction that replaces what is there. `docs/networking.md` explains each chain. Every chain only speaks about this
 * engine's bridge, and accepts everything else, so that it never decides for others.
 */
export function tableText(options: TableOptions, forwards: readonly Forward[]): string {
  const { table, bridge, gateway, dns } = options;
  const subnet = formatSubnet(options.subnet);
  return `table ip ${table}
delete table ip ${table}
table ip ${table} {
  map ${ANY_MAP} { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map ${ONE_MAP} { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }

  chain publish {
    meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport map @${ONE_MAP}
    meta l4proto { tcp, udp } dnat ip to meta l4proto . th dport map @${ANY_MAP}
  }
  chain loopback_guard {
    type filter hook prerouting priority raw; policy accept;
    iifname "${bridge}" ip daddr 127.0.0.0/8 drop
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "${bridge}" ip daddr ${gateway} udp dport 53 redirect to :${dns.udp}
    iifname "${bridge}" ip daddr ${gateway} tcp dport 53 redirect to :${dns.tcp}
    fib daddr type local jump publish
  }
  chain output {
    type nat hook output priority -100; policy accept;
    fib daddr type local jump publish
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    oifname "${bridge}" iifname != "${bridge}" ct state established,related accept
    oifname "${bridge}" iifname != "${bridge}" ct status dnat accept
    oifname "${bridge}" iifname != "${bridge}" drop
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${subnet} oifname != "${bridge}" masquerade
    ip saddr ${subnet} oifname "${bridge}" ct status dnat masquerade
    ip saddr 127.0.0.0/8 oifname "${bridge}" masquerade
  }
}
${elementsText('add', table, forwards)}`;
}

/** Adds or deletes published ports. Empty for none. */
export function elementsText(verb: 'add' | 'delete', table: string, forwards: readonly Forward[]): string {
  return forwards.map((forward) => `${verb} element ip ${table} ${elementOf(forward)}\n`).join('');
}

function elementOf({ protocol, hostIp, hostPort, address, port }: Forward): string {
  const target = `${address} . ${port}`;
  if (hostIp === ANY_ADDRESS) return `${ANY_MAP} { ${protocol} . ${hostPort} : ${target} }`;
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
  const [hostIp, protocol, hostPort] = key.length === 2 ? [ANY_ADDRESS, ...key] : key;
  if (protocol !== 'tcp' && protocol !== 'udp') return [];
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
