import type { NetworkResource } from '../../../api/docker.ts';
import type { CreateNetwork, EngineApi } from '../../engine/api.ts';
import { derivedId } from '../../lib/derived-id.ts';
import { HullError } from '../../model/errors.ts';
import type { NetworkDefinition } from '../../model/network.ts';
import type { Exchange } from '../exchange.ts';
import { Filters } from '../filters.ts';
import { namePatterns } from '../name-patterns.ts';
import type { Route } from '../router.ts';
import { connectSettings } from './create-network.ts';
import { connectBody, disconnectBody, networkCreateBody, type NetworkCreateBody } from './network-schema.ts';
import { labelsMatch, PRUNE_FILTERS, untilTime } from './prune-filters.ts';
import { timestamp } from './times.ts';

export const networkRoutes: readonly Route[] = [
  { method: 'GET', path: '/networks', handler: list },
  { method: 'POST', path: '/networks/create', handler: create },
  { method: 'POST', path: '/networks/prune', handler: prune },
  { method: 'GET', path: '/networks/:id', handler: inspect },
  { method: 'DELETE', path: '/networks/:id', handler: remove },
  { method: 'POST', path: '/networks/:id/connect', handler: connect },
  { method: 'POST', path: '/networks/:id/disconnect', handler: disconnect },
];

const FILTERS = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'] as const;

function list(engine: EngineApi, exchange: Exchange): void {
  const filters = Filters.read(exchange.query, FILTERS);
  const dangling = filters.flag('dangling');
  const type = filters.get('type').find((value) => value !== 'builtin' && value !== 'custom');
  if (type !== undefined)
    throw new HullError('invalid-argument', `invalid filter: 'type'='${type}'; use builtin or custom`);
  const matchesId = namePatterns(filters, 'id');
  const matchesName = namePatterns(filters, 'name');
  const networks = engine.networks.list().filter((network) => {
    const builtIn = engine.networks.isBuiltIn(network);
    const idle = !builtIn && engine.networks.members(network).length === 0;
    return (
      matchesId(network.id) &&
      matchesName(network.name) &&
      filters.any('driver', (value) => network.driver === value) &&
      filters.any('scope', (value) => value === 'local') &&
      filters.any('type', (value) => (value === 'builtin') === builtIn) &&
      (dangling === undefined || dangling === idle) &&
      filters.labels(network.labels)
    );
  });
  exchange.send(networks.map((network) => networkResource(network)));
}

async function create(engine: EngineApi, exchange: Exchange): Promise<void> {
  const body = await exchange.json(networkCreateBody);
  const { id } = await engine.networks.create(toCreateNetwork(body));
  exchange.send({ Id: id, Warning: '' }, 201);
}

function toCreateNetwork(body: NetworkCreateBody): CreateNetwork {
  refuseUnsupported(body);
  return {
    name: body.Name,
    driver: body.Driver ?? '',
    internal: body.Internal ?? false,
    attachable: body.Attachable ?? false,
    ipv6: body.EnableIPv6 ?? false,
    pools: (body.IPAM?.Config ?? []).map((config) => ({
      subnet: config.Subnet ?? '',
      range: config.IPRange ?? '',
      gateway: config.Gateway ?? '',
      auxiliary: config.AuxiliaryAddresses ?? config.AuxAddress ?? {},
    })),
    options: body.Options ?? {},
    ipamOptions: body.IPAM?.Options ?? null,
    labels: body.Labels ?? {},
  };
}

function refuseUnsupported(body: NetworkCreateBody): void {
  const refuse = (field: string, why: string): never => {
    throw new HullError('not-supported', `${field} is not supported: ${why}; leave it out`, {
      details: { field },
    });
  };
  if (body.ConfigOnly === true || (body.ConfigFrom?.Network ?? '') !== '')
    refuse('ConfigFrom', 'networks made from another one’s configuration are for swarms');
  if (body.Ingress === true) refuse('Ingress', 'this engine is not part of a swarm');
  if (body.EnableIPv4 === false) refuse('EnableIPv4', 'every network has IPv4');
  const ipam = body.IPAM?.Driver ?? '';
  if (ipam !== '' && ipam !== 'default')
    throw new HullError('plugin-not-found', `plugin "${ipam}" not found`);
  const scope = body.Scope ?? '';
  if (scope !== '' && scope !== 'local')
    throw new HullError(
      'network-forbidden',
      'This node is not a swarm manager: only networks of the scope local can be made',
    );
}

function inspect(engine: EngineApi, exchange: Exchange): void {
  const scope = exchange.query.text('scope') ?? '';
  const wanted = exchange.param('id');
  if (scope !== '' && scope !== 'local')
    throw new HullError('network-not-found', `network ${wanted} not found`);
  const network = engine.networks.get(wanted);
  exchange.send({ ...networkResource(network), Containers: containersOf(engine, network) });
}

async function remove(engine: EngineApi, exchange: Exchange): Promise<void> {
  await engine.networks.remove(exchange.param('id'));
  exchange.empty();
}

async function connect(engine: EngineApi, exchange: Exchange): Promise<void> {
  const body = await exchange.json(connectBody);
  await engine.networks.connect(exchange.param('id'), body.Container, connectSettings(body.EndpointConfig));
  exchange.empty(200);
}

async function disconnect(engine: EngineApi, exchange: Exchange): Promise<void> {
  const body = await exchange.json(disconnectBody);
  await engine.networks.disconnect(exchange.param('id'), body.Container, { force: body.Force ?? false });
  exchange.empty(200);
}

async function prune(engine: EngineApi, exchange: Exchange): Promise<void> {
  const filters = Filters.read(exchange.query, PRUNE_FILTERS);
  const until = untilTime(filters);
  const removed = await engine.networks.prune(
    (network) => network.createdAt <= until && labelsMatch(filters, network.labels),
  );
  exchange.send({ NetworksDeleted: removed.length === 0 ? null : removed });
}

function networkResource(network: NetworkDefinition): NetworkResource {
  const config = network.pools.map(({ subnet, range, gateway, auxiliary }) => ({
    Subnet: subnet,
    ...(range === undefined ? {} : { IPRange: range }),
    ...(gateway === '' ? {} : { Gateway: gateway }),
    ...(Object.keys(auxiliary).length === 0 ? {} : { AuxiliaryAddresses: auxiliary }),
  }));
  return {
    Name: network.name,
    Id: network.id,
    Created: timestamp(network.createdAt),
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: true,
    EnableIPv6: network.ipv6,
    // The built-in ones have no pools, which Docker shows as null.
    IPAM: { Driver: 'default', Options: network.ipamOptions, Config: config.length === 0 ? null : config },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: {},
    Options: network.options,
    Labels: network.labels,
  };
}

function containersOf(engine: EngineApi, network: NetworkDefinition): NetworkResource['Containers'] {
  return Object.fromEntries(
    engine.networks.members(network).map(({ instanceId, name, endpointId, macAddress, ipv4, ipv6 }) => [
      instanceId,
      {
        Name: name,
        // On the host's network and on none there is no endpoint of the engine's.
        EndpointID:
          endpointId === '' ? derivedId(engine.identity, 'endpoint', instanceId, network.name) : endpointId,
        MacAddress: macAddress,
        IPv4Address: ipv4,
        IPv6Address: ipv6,
      },
    ]),
  );
}
