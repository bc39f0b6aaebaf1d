import type { ConnectSettings, CreateInstance } from '../../engine/api.ts';
import { HullError } from '../../model/errors.ts';
import type { NetworkConnection } from '../../model/instance.ts';
import type { CreateBody, HostConfigBody } from './create-schema.ts';
import type { EndpointBody } from './network-schema.ts';

const CONTAINER = 'container:';

type Wanted = Pick<CreateInstance, 'networkMode' | 'networkName' | 'joins' | 'networks'>;

/** The networks of a create body in the engine's words. Throws `invalid-argument` in Docker's words for what contradicts itself. */
export function networksOf(body: CreateBody, host: HostConfigBody): Wanted {
  const asked = host.NetworkMode ?? '';
  const mode = asked === '' || asked === 'default' ? 'bridge' : asked;
  if (body.NetworkDisabled === true) return { networkMode: 'none' };
  if (mode === 'host' || mode === 'none') {
    checkAlone(mode, host);
    return { networkMode: mode };
  }
  if (mode.startsWith(CONTAINER)) return joined(body, host, mode.slice(CONTAINER.length));
  const links = (host.Links ?? []).map(legacyLink);
  const macAddress = body.MacAddress ?? '';
  const networks = connectionsOf(body, mode).map((connection): NetworkConnection => {
    if (connection.network !== mode) return connection;
    return {
      ...connection,
      links: [...connection.links, ...links],
      ...(macAddress === '' || connection.macAddress !== undefined ? {} : { macAddress }),
    };
  });
  // Nothing in particular: the engine's own default says the same.
  if (mode === 'bridge' && networks.length === 1 && networks.every(isPlain)) return {};
  return { ...(mode === 'bridge' ? {} : { networkName: mode }), networks };
}

function isPlain({
  network,
  aliases,
  links,
  gatewayPriority,
  driverOptions,
  ...wishes
}: NetworkConnection): boolean {
  const asked = [...aliases, ...links, ...Object.keys(driverOptions), ...Object.keys(wishes)];
  return network === 'bridge' && asked.length === 0 && gatewayPriority === 0;
}

/** What is wished for on a network. */
export function connectSettings(endpoint: EndpointBody | null | undefined): ConnectSettings {
  const { IPAMConfig: ipam, MacAddress: macAddress } = endpoint ?? {};
  const linkLocal = ipam?.LinkLocalIPs ?? [];
  return {
    aliases: [...new Set((endpoint?.Aliases ?? []).map((alias) => oneWord('Aliases', alias)))],
    driverOptions: endpoint?.DriverOpts ?? {},
    links: endpoint?.Links ?? [],
    gatewayPriority: endpoint?.GwPriority ?? 0,
    ...given('ipv4', ipam?.IPv4Address),
    ...given('ipv6', ipam?.IPv6Address),
    ...given('macAddress', macAddress),
    ...(linkLocal.length === 0 ? {} : { linkLocal }),
  };
}

/** The endpoints that are named, the one of the mode first; none named: the mode's network alone, as Docker has it. */
function connectionsOf(body: CreateBody, mode: string): NetworkConnection[] {
  const endpoints = Object.entries(body.NetworkingConfig?.EndpointsConfig ?? {});
  const all = endpoints.map(([name, endpoint]) => connection(name === 'default' ? mode : name, endpoint));
  if (all.length === 0) return [connection(mode, null)];
  return [...all.filter(({ network }) => network === mode), ...all.filter(({ network }) => network !== mode)];
}

function connection(network: string, endpoint: EndpointBody | null | undefined): NetworkConnection {
  return {
    network,
    aliases: [],
    driverOptions: {},
    links: [],
    gatewayPriority: 0,
    ...connectSettings(endpoint),
  };
}

/** `name`, `name:alias`; as inspect shows them: `/name:/own/alias`. */
function legacyLink(link: string): string {
  const [target = '', alias = target, ...rest] = link.split(':');
  if (target === '' || rest.length > 0) throw invalid(`invalid format for links: ${link}`);
  return `${target.replace(/^\//, '')}:${alias.split('/').at(-1) ?? alias}`;
}

function checkAlone(mode: string, host: HostConfigBody): void {
  if (mode === 'host' && (host.Links ?? []).length > 0)
    throw invalid(
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    );
}

function joined(body: CreateBody, host: HostConfigBody, joins: string): Wanted {
  if (joins === '') throw invalid('invalid container format container:<name|id>');
  const conflicts: readonly (readonly [boolean, string])[] = [
    [(body.Hostname ?? '') !== '', 'hostname and the network mode'],
    [
      (host.Links ?? []).length > 0,
      "container type network can't be used with links. This would result in undefined behavior",
    ],
    [(host.Dns ?? []).length > 0, 'dns and the network mode'],
    [(host.ExtraHosts ?? []).length > 0, 'custom host-to-IP mapping and the network mode'],
    [(body.MacAddress ?? '') !== '', 'mac-address and the network mode'],
    [
      Object.keys(host.PortBindings ?? {}).length > 0 || host.PublishAllPorts === true,
      'port publishing and the container type network mode',
    ],
    [Object.keys(body.ExposedPorts ?? {}).length > 0, 'port exposing and the container type network mode'],
  ];
  const conflict = conflicts.find(([asked]) => asked);
  if (conflict !== undefined) throw invalid(`conflicting options: ${conflict[1]}`);
  return { networkMode: 'container', networkName: `${CONTAINER}${joins}`, joins };
}

function oneWord(field: string, text: string): string {
  if (/[\s\p{Cc}]/u.test(text))
    throw invalid(`${field}: ${JSON.stringify(text)} has blanks or control characters`);
  return text;
}

function given<K extends string>(key: K, text: string | null | undefined): { readonly [P in K]?: string } {
  return text === null || text === undefined || text === ''
    ? {}
    : ({ [key]: text } as { readonly [P in K]: string });
}

const invalid = (message: string): HullError => new HullError('invalid-argument', message);
