import { isIP } from 'node:net';
import { HullError } from '../../model/errors.ts';
import type { InstanceConfig, NetworkConnection } from '../../model/instance.ts';
import type { NetworkDefinition } from '../../model/network.ts';
import { holds, parseIp } from '../../lib/ip.ts';
import { prefixOf } from '../../network/ipam.ts';
import type { ConnectRequest } from '../../network/network.ts';
import type { NetworkCatalog } from './catalog.ts';

export const DEFAULT_NETWORK = 'bridge';

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;

/** A connection that wishes for nothing. */
export function plainConnection(network: string): NetworkConnection {
  return { network, aliases: [], driverOptions: {}, links: [], gatewayPriority: 0 };
}

/** The networks of a run, found by their names as they are now. Throws `network-not-found`, and what `checkConnection` says. */
export function connectionsOf(
  config: InstanceConfig,
  catalog: Pick<NetworkCatalog, 'find'>,
): readonly ConnectRequest[] {
  // One that was taken off all its networks starts on the one that it was made for, as Docker has it.
  const wanted =
    config.networks.length > 0 ? config.networks : [plainConnection(config.networkName ?? DEFAULT_NETWORK)];
  return wanted.map((connection) => {
    const definition = catalog.find(connection.network);
    if (definition === null)
      throw new HullError(
        'network-not-found',
        `failed to set up container networking: network ${connection.network} not found`,
      );
    checkConnection(definition, connection);
    return { ...connection, networkId: definition.id };
  });
}

/** Refuses, in Docker's words, what an instance cannot have on this network. */
export function checkConnection(
  definition: NetworkDefinition,
  connection: Omit<NetworkConnection, 'network'>,
): void {
  if (definition.driver === 'host')
    throw new HullError(
      'invalid-argument',
      'cannot connect container to host network - container must be created in host network mode',
    );
  if (definition.driver === 'null')
    throw new HullError(
      'invalid-argument',
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
  const problems = [...malformed(connection), ...impossible(definition, connection)];
  if (problems.length > 0)
    throw new HullError(
      'invalid-argument',
      `invalid config for network ${definition.name}: invalid endpoint settings:\n${problems.join('\n')}`,
    );
}

function malformed({ ipv4, ipv6, macAddress, linkLocal = [] }: Omit<NetworkConnection, 'network'>): string[] {
  return [
    ...(ipv4 !== undefined && isIP(ipv4) !== 4 ? [`invalid IPv4 address: ${ipv4}`] : []),
    ...(ipv6 !== undefined && isIP(ipv6) !== 6 ? [`invalid IPv6 address: ${ipv6}`] : []),
    ...linkLocal.filter((text) => isIP(text) === 0).map((text) => `invalid link-local IP address: ${text}`),
    ...(macAddress !== undefined && !MAC.test(macAddress) ? [`invalid MAC address: ${macAddress}`] : []),
  ];
}

function impossible(definition: NetworkDefinition, connection: Omit<NetworkConnection, 'network'>): string[] {
  const wishes = [connection.ipv4, connection.ipv6].filter((wish) => wish !== undefined && isIP(wish) !== 0);
  const builtIn = definition.name === DEFAULT_NETWORK;
  if (builtIn)
    return [
      ...(wishes.length > 0 || (connection.linkLocal ?? []).length > 0
        ? ['user specified IP address is supported on user defined networks only']
        : []),
      ...(connection.aliases.length > 0
        ? ['network-scoped aliases are only supported for user-defined networks']
        : []),
    ];
  return wishes.flatMap((wish) => {
    const address = parseIp(wish ?? '');
    const chosen = definition.pools.filter((pool) => pool.chosen).map((pool) => prefixOf(pool.subnet));
    const own = chosen.filter((prefix) => prefix.family === address?.family);
    if (own.length === 0)
      return [
        'user specified IP address is supported only when connecting to networks with user configured subnets',
      ];
    return address !== null && own.some((prefix) => holds(prefix, address))
      ? []
      : [`no configured subnet or ip-range contain the IP address ${wish}`];
  });
}
