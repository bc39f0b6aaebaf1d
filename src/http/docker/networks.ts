import type { NetworkResource } from '../../../api/docker.ts';
import type { EngineApi, EngineInfo } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import type { Exchange } from '../exchange.ts';
import { Filters } from '../filters.ts';
import type { Route } from '../router.ts';
import { derivedId, networkId } from './derived-id.ts';

export const networkRoutes: readonly Route[] = [
  { method: 'GET', path: '/networks', handler: list },
  { method: 'GET', path: '/networks/:id', handler: inspect },
];

async function list(engine: EngineApi, exchange: Exchange): Promise<void> {
  const filters = Filters.read(exchange.query, [
    'dangling',
    'driver',
    'id',
    'label',
    'name',
    'scope',
    'type',
  ]);
  const networks = (await allNetworks(engine)).filter(
    (network) =>
      filters.any('id', (value) => network.Id.startsWith(value)) &&
      filters.any('name', (value) => network.Name.includes(value)) &&
      filters.any('driver', (value) => network.Driver === value) &&
      filters.any('scope', (value) => network.Scope === value) &&
      filters.any('type', (value) => value === 'builtin') &&
      filters.any('dangling', (value) => value === 'false' || value === '0') &&
      filters.labels(network.Labels),
  );
  exchange.send(networks);
}

async function inspect(engine: EngineApi, exchange: Exchange): Promise<void> {
  const wanted = exchange.param('id');
  const networks = await allNetworks(engine);
  const exact = networks.find((network) => network.Name === wanted || network.Id === wanted);
  const byPrefix = networks.filter((network) => network.Id.startsWith(wanted));
  if (exact === undefined && byPrefix.length > 1) {
    throw new HullError(
      'ambiguous-id',
      `network ${wanted} is ambiguous (${byPrefix.length} matches found on ID prefix)`,
    );
  }
  const network = exact ?? byPrefix[0];
  if (network === undefined) throw new HullError('network-not-found', `network ${wanted} not found`);
  exchange.send({ ...network, Containers: attached(engine, network.Name) });
}

async function allNetworks(engine: EngineApi): Promise<readonly NetworkResource[]> {
  const { network } = await engine.system.info();
  return [bridge(engine, network), builtin(engine, 'host', 'host'), builtin(engine, 'none', 'null')];
}

function bridge(engine: EngineApi, network: EngineInfo['network']): NetworkResource {
  return {
    ...builtin(engine, network.name, 'bridge'),
    IPAM: {
      Driver: 'default',
      Options: null,
      Config: [{ Subnet: network.subnet, Gateway: network.gateway }],
    },
    Options: {
      'com.docker.network.bridge.default_bridge': 'true',
      'com.docker.network.bridge.name': network.bridge,
    },
  };
}

function builtin(engine: EngineApi, name: string, driver: string): NetworkResource {
  return {
    Name: name,
    Id: networkId(engine.identity, name),
    // The built-in networks are as old as the engine, which does not record it.
    Created: new Date(0).toISOString(),
    Scope: 'local',
    Driver: driver,
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, Config: [] },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: {},
    Options: {},
    Labels: {},
  };
}

function attached(engine: EngineApi, network: string): NetworkResource['Containers'] {
  const running = engine.instances
    .list()
    .filter(
      ({ config, status }) =>
        status.pid !== 0 && (status.endpoints[0]?.network ?? config.networkMode) === network,
    );
  return Object.fromEntries(
    running.map(({ config, status }) => [
      config.id,
      {
        Name: config.name,
        EndpointID: derivedId(engine.identity, 'endpoint', config.id, network),
        MacAddress: status.endpoints[0]?.macAddress ?? '',
        IPv4Address:
          status.endpoints[0] === undefined
              ? ''
              : `${status.endpoints[0].address}/${status.endpoints[0].prefixLength}`,
        IPv6Address: '',
      },
    ]),
  );
}
