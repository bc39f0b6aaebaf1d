import * as v from 'valibot';
import type { Host } from '../host/host.ts';
import { HullError } from '../model/errors.ts';
import { formatPrefix, overlap, parsePrefix, parsePrefix4, type Prefix } from '../lib/ip.ts';

/** A subnet that the host uses, and through which interface. */
export interface UsedSubnet {
  readonly subnet: Prefix;
  readonly device: string;
}

const RouteList = v.array(v.looseObject({ dst: v.string(), dev: v.optional(v.string(), '') }));
const AddressList = v.array(
  v.looseObject({
    ifname: v.optional(v.string(), ''),
    addr_info: v.optional(
      v.array(v.looseObject({ local: v.optional(v.string(), ''), prefixlen: v.optional(v.number(), 32) })),
      [],
    ),
  }),
);

/** Every IPv4 subnet in the host's routes (all tables) and on its interfaces. The default route and loopback do not count. */
export async function usedSubnets(host: Host): Promise<UsedSubnet[]> {
  const [routes, addresses] = await Promise.all([
    host.exec.must(['ip', '-4', '-j', 'route', 'show', 'table', 'all']),
    host.exec.must(['ip', '-4', '-j', 'address', 'show']),
  ]);
  return [...parseRoutes(routes), ...parseAddresses(addresses)];
}

/** The same of both families, as prefixes. Multicast and link-local ones, which every link has, do not count. */
export async function usedPrefixes(host: Host): Promise<Prefix[]> {
  const [ipv4, ipv6] = await Promise.all([
    usedSubnets(host),
    host.exec.run(['ip', '-6', '-j', 'route', 'show']),
  ]);
  const texts = [
    ...ipv4.map(({ subnet }) => formatPrefix(subnet)),
    ...(ipv6.code === 0 ? parseJson(RouteList, ipv6.stdout).map(({ dst }) => dst) : []),
  ];
  return texts.flatMap((text) => {
    const prefix = parsePrefix(
      text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`,
    )?.prefix;
    return prefix === undefined || prefix.length === 0 || /^fe80:|^ff/.test(text) ? [] : [prefix];
  });
}

/** `ip -j route`; a row that is no subnet (`default`) is skipped. Throws `command-failed` on anything that is not iproute2's JSON. */
export function parseRoutes(json: string): UsedSubnet[] {
  return parseJson(RouteList, json).flatMap(({ dst, dev }) => used(dst, dev));
}

/** `ip -j address`, likewise. */
export function parseAddresses(json: string): UsedSubnet[] {
  return parseJson(AddressList, json).flatMap((link) =>
    link.addr_info.flatMap((info) => used(`${info.local}/${info.prefixlen}`, link.ifname)),
  );
}

function used(text: string, device: string): UsedSubnet[] {
  const subnet = parsePrefix4(text);
  return subnet === null || subnet.length === 0 || device === 'lo' ? [] : [{ subnet, device }];
}

function parseJson<T extends v.GenericSchema>(schema: T, json: string): v.InferOutput<T> {
  try {
    return v.parse(schema, JSON.parse(json.trim() === '' ? '[]' : json));
  } catch (error) {
    throw new HullError(
      'command-failed',
      'the program ip printed something other than its JSON; is iproute2 5.0 or later installed?',
      { cause: error },
    );
  }
}

/** 172.20.0.0/16 to 172.31.0.0/16, then 10.89.0.0/16 to 10.120.0.0/16: private, and seldom used by networks at home or work. */
export function candidates(): Prefix[] {
  const ranges = [
    ...Array.from({ length: 12 }, (_, index) => `172.${20 + index}.0.0/16`),
    ...Array.from({ length: 32 }, (_, index) => `10.${89 + index}.0.0/16`),
  ];
  return ranges.map(parsePrefix4).filter((subnet) => subnet !== null);
}

/** The first candidate that overlaps nothing in use. Throws `address-in-use` when none is left. */
export function chooseSubnet(inUse: readonly UsedSubnet[], wanted: readonly Prefix[] = candidates()): Prefix {
  const free = wanted.find((subnet) => !inUse.some((other) => overlap(subnet, other.subnet)));
  if (free !== undefined) return free;
  const list = wanted.map(formatPrefix).join(', ');
  throw new HullError(
    'address-in-use',
    `no subnet is free for the bridge: the host's routes and interfaces overlap all of ${list}; set a subnet in the daemon's settings`,
  );
}
