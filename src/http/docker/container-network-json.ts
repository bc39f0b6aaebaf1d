import type { EndpointSettings, NetworkSettings } from '../../../api/docker.ts';
import type { EngineApi } from '../../engine/api.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import { isAlive, networkOf, pidOf, startedAtOf } from '../../model/instance-status.ts';
import type { Instance, NetworkConnection, NetworkEndpoint } from '../../model/instance.ts';
import { derivedId } from '../../lib/derived-id.ts';
import { portMap } from './ports.ts';

/** The network whose endpoint Docker also shows beside `Networks`, as before there were several. */
const DEFAULT_NETWORK = 'bridge';

/** What is looked up for every row of a list: made once for each request. */
export interface NetworkFacts {
  readonly identity: EngineIdentity;
  /** The id of the network with this name now; empty where there is none. */
  readonly idOf: (name: string) => string;
}

export function networkFacts({ identity, networks }: Pick<EngineApi, 'identity' | 'networks'>): NetworkFacts {
  const ids = new Map(networks.list().map(({ name, id }) => [name, id]));
  return { identity, idOf: (name) => ids.get(name) ?? '' };
}

/** `NetworkSettings.Networks`: what was asked for, and where it runs what came of it. Empty in another instance's namespace. */
export function endpointMap(
  { identity, idOf }: NetworkFacts,
  { config, status }: Instance,
): Record<string, EndpointSettings> {
  const running = isAlive(status);
  // Docker's: the first start finds the network.
  const idBefore = (name: string) => (startedAtOf(status) === null ? '' : idOf(name));
  if (config.networkMode === 'container') return {};
  if (config.networkMode !== 'bridge') {
    const id = running ? derivedId(identity, 'endpoint', config.id, config.networkMode) : '';
    return {
      [config.networkMode]: {
        ...endpointSettings(undefined, undefined),
        NetworkID: idBefore(config.networkMode),
        EndpointID: id,
      },
    };
  }
  const connections = new Map(config.networks.map((connection) => [connection.network, connection]));
  const endpoints = new Map(
    running ? networkOf(status).endpoints.map((endpoint) => [endpoint.network, endpoint]) : [],
  );
  const names = [...new Set([...connections.keys(), ...endpoints.keys()])];
  return Object.fromEntries(
    names.map((name) => {
      const endpoint = endpoints.get(name);
      const settings = endpointSettings(connections.get(name), endpoint);
      return [name, { ...settings, NetworkID: endpoint?.networkId ?? idBefore(name) }];
    }),
  );
}

function endpointSettings(
  connection: NetworkConnection | undefined,
  endpoint: NetworkEndpoint | undefined,
): EndpointSettings {
  return {
    IPAMConfig: ipamConfig(connection),
    Links: orNull(connection?.links),
    Aliases: orNull(connection?.aliases),
    MacAddress: endpoint?.macAddress ?? connection?.macAddress ?? '',
    DriverOpts:
      connection === undefined || Object.keys(connection.driverOptions).length === 0
        ? null
        : connection.driverOptions,
    GwPriority: connection?.gatewayPriority ?? 0,
    NetworkID: '',
    EndpointID: endpoint?.endpointId ?? '',
    Gateway: endpoint?.gateway ?? '',
    IPAddress: endpoint?.address ?? '',
    IPPrefixLen: endpoint?.prefixLength ?? 0,
    IPv6Gateway: endpoint?.ipv6?.gateway ?? '',
    GlobalIPv6Address: endpoint?.ipv6?.address ?? '',
    GlobalIPv6PrefixLen: endpoint?.ipv6?.prefixLength ?? 0,
    // On the default network Docker's names lead nowhere.
    DNSNames: endpoint === undefined || endpoint.network === DEFAULT_NETWORK ? null : endpoint.names,
  };
}

function ipamConfig(connection: NetworkConnection | undefined): EndpointSettings['IPAMConfig'] {
  const { ipv4, ipv6, linkLocal = [] } = connection ?? {};
  if (ipv4 === undefined && ipv6 === undefined && linkLocal.length === 0) return null;
  return {
    ...(ipv4 === undefined ? {} : { IPv4Address: ipv4 }),
    ...(ipv6 === undefined ? {} : { IPv6Address: ipv6 }),
    ...(linkLocal.length === 0 ? {} : { LinkLocalIPs: linkLocal }),
  };
}

const orNull = (list: readonly string[] | undefined) =>
  list === undefined || list.length === 0 ? null : list;

/** `NetworkSettings` of GET /containers/ID/json. */
export function networkSettings(facts: NetworkFacts, instance: Instance): NetworkSettings {
  const { config, status } = instance;
  const attached = endpointMap(facts, instance);
  const main = attached[DEFAULT_NETWORK];
  const running = isAlive(status);
  return {
    Bridge: '',
    SandboxID: running ? derivedId(facts.identity, 'sandbox', config.id) : '',
    SandboxKey: running ? `/proc/${pidOf(status)}/ns/net` : '',
    Ports: running ? portMap(networkOf(status).ports, config.exposedPorts) : {},
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: main?.EndpointID ?? '',
    Gateway: main?.Gateway ?? '',
    GlobalIPv6Address: main?.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: main?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: main?.IPAddress ?? '',
    IPPrefixLen: main?.IPPrefixLen ?? 0,
    IPv6Gateway: main?.IPv6Gateway ?? '',
    MacAddress: main?.MacAddress ?? '',
    Networks: attached,
  };
}
