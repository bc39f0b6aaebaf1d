import type {
  ContainerInspect,
  ContainerState,
  ContainerSummary,
  EndpointSettings,
  NetworkSettings,
} from '../../../api/docker.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import type { Instance } from '../../model/instance.ts';
import { familiarName } from '../familiar-name.ts';
import { inspectedConfig, inspectedHostConfig } from './container-config-json.ts';
import { dockerState, statusText } from './container-state.ts';
import { mountPoint } from './mounts.ts';
import { derivedId, networkId } from './derived-id.ts';
import { portMap, portSummaries } from './ports.ts';
import { NEVER, timestamp, unixSeconds } from './times.ts';

export interface Sizes {
  readonly writable: number;
  readonly root: number;
}

/** One row of GET /containers/json. `now`: milliseconds since the epoch. */
export function containerSummary(
  identity: EngineIdentity,
  instance: Instance,
  now: number,
  sizes: Sizes | null,
): ContainerSummary {
  const { config, status } = instance;
  return {
    Id: config.id,
    Names: [`/${config.name}`],
    Image: sourceName(instance),
    ImageID: imageId(instance),
    Command: config.process.args.map(quoted).join(' '),
    Created: unixSeconds(config.createdAt),
    Ports: portSummaries(instance),
    ...(sizes === null ? {} : { SizeRw: sizes.writable, SizeRootFs: sizes.root }),
    Labels: config.labels,
    State: dockerState(status),
    Status: statusText(status, now),
    HostConfig: { NetworkMode: config.networkMode, Isolation: config.isolation },
    NetworkSettings: { Networks: networks(identity, instance) },
    Mounts: config.mounts.map(mountPoint),
  };
}

/** Answer of GET /containers/ID/json. */
export function containerInspect(
  identity: EngineIdentity,
  instance: Instance,
  execIds: readonly string[],
  sizes: Sizes | null,
): ContainerInspect {
  const { config } = instance;
  const [path = '', ...args] = config.process.args;
  return {
    Id: config.id,
    Created: timestamp(config.createdAt),
    Path: path,
    Args: args,
    State: containerState(instance),
    Image: imageId(instance),
    ResolvConfPath: '',
    HostnamePath: '',
    HostsPath: '',
    LogPath: '',
    Name: `/${config.name}`,
    RestartCount: 0,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: execIds.length === 0 ? null : execIds,
    HostConfig: inspectedHostConfig(config),
    GraphDriver: { Name: 'overlay2', Data: null },
    ...(sizes === null ? {} : { SizeRw: sizes.writable, SizeRootFs: sizes.root }),
    Mounts: config.mounts.map(mountPoint),
    Config: inspectedConfig(config, sourceName(instance)),
    NetworkSettings: networkSettings(identity, instance),
  };
}

/** The source as the user wrote it. */
export function sourceName(instance: Instance): string {
  const { source } = instance.config;
  return source.kind === 'image' ? familiarName(source.reference) : source.disk;
}

function imageId(instance: Instance): string {
  const { source } = instance.config;
  return source.kind === 'image' ? source.imageId : '';
}

function containerState({ status }: Instance): ContainerState {
  const state = dockerState(status);
  return {
    Status: state,
    Running: state === 'running',
    Paused: false,
    Restarting: false,
    OOMKilled: state === 'running' ? false : (status.exit?.oomKilled ?? false),
    Dead: state === 'dead',
    Pid: status.pid,
    ExitCode: state === 'running' ? 0 : (status.exit?.code ?? 0),
    Error: status.error,
    StartedAt: timestamp(status.startedAt),
    FinishedAt: status.exit === null ? NEVER : timestamp(status.exit.finishedAt),
  };
}

function networks(identity: EngineIdentity, { config, status }: Instance): Record<string, EndpointSettings> {
  const endpoint = status.endpoints[0];
  const name = endpoint?.network ?? config.networkMode;
  const running = status.pid !== 0;
  const names = [
    config.name,
    config.id.slice(0, 12),
    ...(config.hostname === config.name ? [] : [config.hostname]),
  ];
  return {
    [name]: {
      IPAMConfig: null,
      Links: null,
      Aliases: null,
      MacAddress: endpoint?.macAddress ?? '',
      DriverOpts: null,
      GwPriority: 0,
      NetworkID: networkId(identity, name),
      EndpointID: running ? derivedId(identity, 'endpoint', config.id, name) : '',
      Gateway: endpoint?.gateway ?? '',
      IPAddress: endpoint?.address ?? '',
      IPPrefixLen: endpoint?.prefixLength ?? 0,
      IPv6Gateway: '',
      GlobalIPv6Address: '',
      GlobalIPv6PrefixLen: 0,
      DNSNames: config.networkMode === 'bridge' ? names : null,
    },
  };
}

function networkSettings(identity: EngineIdentity, instance: Instance): NetworkSettings {
  const { config, status } = instance;
  const attached = networks(identity, instance);
  const bridge = attached[status.endpoints[0]?.network ?? ''];
  const running = status.pid !== 0;
  return {
    Bridge: '',
    SandboxID: running ? derivedId(identity, 'sandbox', config.id) : '',
    SandboxKey: '',
    Ports: running ? portMap(status.ports, config.exposedPorts) : {},
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge?.EndpointID ?? '',
    Gateway: bridge?.Gateway ?? '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: bridge?.IPAddress ?? '',
    IPPrefixLen: bridge?.IPPrefixLen ?? 0,
    IPv6Gateway: '',
    MacAddress: bridge?.MacAddress ?? '',
    Networks: attached,
  };
}

/** A word of the command as Docker lists it: in quotes where it has spaces or quotes of its own. */
function quoted(word: string): string {
  return /[\s'"]/.test(word) ? `'${word.replaceAll("'", String.raw`'\''`)}'` : word;
}
