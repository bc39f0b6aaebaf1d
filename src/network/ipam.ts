import { createHash } from 'node:crypto';
import { HullError } from '../model/errors.ts';
import type { AddressPoolDefinition } from '../model/network.ts';
import {
  addressAt,
  type Family,
  formatIp,
  formatPrefix,
  holds,
  overlap,
  parseIp,
  parsePrefix,
  type Prefix,
  sizeOf,
} from '../lib/ip.ts';

/** One pool as asked for; everything may be absent or empty. */
export interface PoolRequest {
  readonly subnet?: string;
  readonly range?: string;
  readonly gateway?: string;
  readonly auxiliary?: Readonly<Record<string, string>>;
}

/** What is wrong with the pools, in Docker's words; throws `invalid-argument` with all of it. Pure. */
export function checkPools(requests: readonly PoolRequest[], ipv6: boolean): void {
  const problems = requests.flatMap((request) => problemsOf(request, ipv6));
  if (problems.length === 0) return;
  throw new HullError('invalid-argument', `invalid network config:\n${problems.join('\n')}`);
}

function problemsOf(request: PoolRequest, ipv6: boolean): string[] {
  const { subnet = '', range = '', gateway = '', auxiliary = {} } = request;
  if (subnet === '') {
    // Docker: everything else is relative to a subnet.
    const lonely = range !== '' || gateway !== '' || Object.keys(auxiliary).length > 0;
    return lonely ? ['a subnet must be specified when an ip-range, gateway or auxiliary address is'] : [];
  }
  const parsed = parsePrefix(subnet);
  if (parsed === null) return [`invalid subnet ${subnet}: invalid CIDR block notation`];
  const { prefix } = parsed;
  const problems: string[] = [];
  if (parsed.address.value !== prefix.base)
    problems.push(`invalid subnet ${subnet}: it should be ${formatPrefix(prefix)}`);
  if (prefix.family === 6 && !ipv6)
    problems.push(`invalid subnet ${subnet}: IPv6 has not been enabled for this network`);
  return [
    ...problems,
    ...rangeProblems(range, prefix),
    ...addressProblems('gateway', gateway, prefix),
    ...Object.values(auxiliary).flatMap((address) => addressProblems('auxiliary address', address, prefix)),
  ];
}

function rangeProblems(range: string, subnet: Prefix): string[] {
  if (range === '') return [];
  const parsed = parsePrefix(range);
  if (parsed === null) return [`invalid ip-range ${range}: invalid CIDR block notation`];
  if (parsed.address.value !== parsed.prefix.base)
    return [`invalid ip-range ${range}: it should be ${formatPrefix(parsed.prefix)}`];
  if (parsed.prefix.length < subnet.length || !holds(subnet, parsed.address))
    return [`invalid ip-range ${range}: parent subnet ${formatPrefix(subnet)} doesn't contain ip-range`];
  return [];
}

function addressProblems(what: string, text: string, subnet: Prefix): string[] {
  if (text === '') return [];
  const address = parseIp(text);
  if (address === null) return [`invalid ${what} ${text}: invalid address`];
  return holds(subnet, address)
    ? []
    : [`invalid ${what} ${text}: parent subnet ${formatPrefix(subnet)} doesn't contain this address`];
}

/** Subnets that may not be taken: other networks' of this engine (never), and the host's (not by default). */
export interface TakenSubnets {
  readonly networks: readonly Prefix[];
  readonly host: readonly Prefix[];
}

/**
 * The pools of a new network: checked ones, filled up with a default subnet for each family that has none. Pure. `id` gives an IPv6 network its
 * unique local prefix (RFC 4193). Throws `network-forbidden` where a subnet overlaps another network's, `address-in-use` where none is free.
 */
export function planPools(
  requests: readonly PoolRequest[],
  options: { id: string; ipv6: boolean; gateways: boolean; several: boolean },
  taken: TakenSubnets,
): AddressPoolDefinition[] {
  checkPools(requests, options.ipv6);
  const asked = requests.filter((request) => (request.subnet ?? '') !== '');
  // IPv4 first, as everybody expects to see them.
  const pools = asked
    .toSorted((a, b) => familyOf(a) - familyOf(b))
    .map((request) => planAsked(request, options.gateways, taken));
  if (!options.several) refuseSeveral(asked);
  const missing = (family: Family) => !asked.some((request) => familyOf(request) === family);
  const inUse = [...taken.networks, ...taken.host, ...pools.map((pool) => prefixOf(pool.subnet))];
  if (missing(4)) pools.unshift(planDefault(defaultPrefixes(), inUse, options.gateways));
  if (options.ipv6 && missing(6)) pools.push(planDefault([uniqueLocal(options.id)], inUse, options.gateways));
  return pools;
}

function planAsked(request: PoolRequest, gateways: boolean, taken: TakenSubnets): AddressPoolDefinition {
  const prefix = prefixOf(request.subnet ?? '');
  if (taken.networks.some((other) => overlap(other, prefix)))
    throw new HullError(
      'network-forbidden',
      'invalid pool request: Pool overlaps with other one on this address space',
    );
  const range = request.range ?? '';
  return {
    subnet: formatPrefix(prefix),
    ...(range === '' ? {} : { range: formatPrefix(prefixOf(range)) }),
    gateway: gatewayOf(request, prefix, gateways),
    chosen: true,
    auxiliary: request.auxiliary ?? {},
  };
}

/** As Docker has it: what is asked for, else the first of the range or subnet that no auxiliary address takes. */
function gatewayOf(request: PoolRequest, prefix: Prefix, gateways: boolean): string {
  const asked = parseIp(request.gateway ?? '');
  if (asked !== null) return formatIp(asked);
  if (!gateways || sizeOf(prefix) <= 2n) return gateways ? formatIp(addressAt(prefix, 0n)) : '';
  const others = new Set(Object.values(request.auxiliary ?? {}).map((text) => parseIp(text)?.value));
  const from = (request.range ?? '') === '' ? prefix : prefixOf(request.range ?? '');
  for (let step = from.base === prefix.base ? 1n : 0n; step < sizeOf(from); step++) {
    const address = addressAt(from, step);
    if (!others.has(address.value)) return formatIp(address);
  }
  throw new HullError('address-in-use', `no address is left in ${formatPrefix(from)} for a gateway`);
}

function refuseSeveral(asked: readonly PoolRequest[]): void {
  const families = asked.map(familyOf);
  if (new Set(families).size < families.length)
    throw new HullError('network-forbidden', "bridge driver doesn't support multiple subnets");
}

function planDefault(
  candidates: readonly Prefix[],
  inUse: readonly Prefix[],
  gateways: boolean,
): AddressPoolDefinition {
  const free = candidates.find((candidate) => !inUse.some((other) => overlap(other, candidate)));
  if (free === undefined)
    throw new HullError(
      'address-in-use',
      'all predefined address pools have been fully subnetted: the host and other networks use all of 172.17.0.0/16 to 172.31.0.0/16 and 192.168.0.0/20 to 192.168.240.0/20; name a subnet',
    );
  return {
    subnet: formatPrefix(free),
    gateway: gateways ? formatIp(addressAt(free, 1n)) : '',
    chosen: false,
    auxiliary: {},
  };
}

/** Docker's own: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/20 to 192.168.240.0/20. */
function defaultPrefixes(): Prefix[] {
  const texts = [
    ...Array.from({ length: 15 }, (_, index) => `172.${17 + index}.0.0/16`),
    ...Array.from({ length: 16 }, (_, index) => `192.168.${16 * index}.0/20`),
  ];
  return texts.map(prefixOf);
}

/** fd, 40 bits that follow from the id, and 16 more: a /64 that nobody else has. */
function uniqueLocal(id: string): Prefix {
  const digest = createHash('sha256').update(id).digest('hex');
  const base = BigInt(`0xfd${digest.slice(0, 14)}`) << 64n;
  return { family: 6, base, length: 64 };
}

const familyOf = (request: PoolRequest): Family => ((request.subnet ?? '').includes(':') ? 6 : 4);

/** A prefix that was checked before. */
export function prefixOf(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new HullError('internal', `${JSON.stringify(text)} is no subnet`);
  return parsed.prefix;
}
