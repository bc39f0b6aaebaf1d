import type { EndpointRequest } from '../../../api/docker.ts';

/** One `--network`: the name, and what is wished for there. */
export interface NetworkWish {
  readonly name: string;
  readonly endpoint: EndpointRequest;
}

/**
 * docker's `--network`: a name, or `name=NET,alias=A,ip=…,ip6=…,link-local-ip=…,mac-address=…,driver-opt=K=V,gw-priority=N`.
 * Throws an Error that says what is wrong.
 */
export function parseNetwork(value: string): NetworkWish {
  if (value === '') throw new Error('it names no network');
  if (!/^[a-z0-9-]+=/.test(value)) return { name: value, endpoint: {} };
  const options = new Map<string, string[]>();
  for (const part of value.split(',')) {
    const at = part.indexOf('=');
    if (at <= 0) throw new Error(`${JSON.stringify(part)} must look like KEY=VALUE`);
    const key = part.slice(0, at).toLowerCase();
    options.set(key, [...(options.get(key) ?? []), part.slice(at + 1)]);
  }
  const unknown = [...options.keys()].find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw new Error(`the field ${unknown} is unknown; known are ${KEYS.join(', ')}`);
  const name = options.get('name')?.at(-1) ?? '';
  if (name === '') throw new Error('it has no name=NETWORK');
  const one = (key: string): string | undefined => options.get(key)?.at(-1);
  return {
    name,
    endpoint: endpointOf({
      aliases: options.get('alias') ?? [],
      ip: one('ip'),
      ip6: one('ip6'),
      linkLocal: options.get('link-local-ip') ?? [],
      mac: one('mac-address'),
      driverOptions: options.get('driver-opt') ?? [],
      links: [],
      priority: one('gw-priority'),
    }),
  };
}

const KEYS = ['name', 'alias', 'ip', 'ip6', 'link-local-ip', 'mac-address', 'driver-opt', 'gw-priority'];

/** What is wished for on a network, by flags. Absent wishes leave no trace. */
export function endpointOf(wishes: {
  aliases: readonly string[];
  ip: string | undefined;
  ip6: string | undefined;
  linkLocal: readonly string[];
  mac?: string | undefined;
  driverOptions: readonly string[];
  links: readonly string[];
  priority?: string | undefined;
}): EndpointRequest {
  const { aliases, ip, ip6, linkLocal, mac, driverOptions, links, priority } = wishes;
  const ipam = {
    ...(ip === undefined ? {} : { IPv4Address: ip }),
    ...(ip6 === undefined ? {} : { IPv6Address: ip6 }),
    ...(linkLocal.length === 0 ? {} : { LinkLocalIPs: linkLocal }),
  };
  if (priority !== undefined && !/^-?\d{1,9}$/.test(priority))
    throw new Error('gw-priority must be a whole number');
  return {
    ...(Object.keys(ipam).length === 0 ? {} : { IPAMConfig: ipam }),
    ...(aliases.length === 0 ? {} : { Aliases: aliases }),
    ...(links.length === 0 ? {} : { Links: links }),
    ...(mac === undefined ? {} : { MacAddress: mac }),
    ...(driverOptions.length === 0 ? {} : { DriverOpts: pairsOf(driverOptions) }),
    ...(priority === undefined ? {} : { GwPriority: Number(priority) }),
  };
}

/** `KEY=VALUE`, or `KEY` for an empty value. */
export function pairsOf(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
