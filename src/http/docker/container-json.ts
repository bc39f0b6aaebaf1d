import type {
  ContainerInspect,
  ContainerState,
  ContainerSummary,
  HealthJson,
  MountPoint,
} from '../../../api/docker.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import type { Health } from '../../model/health.ts';
import type { Instance, InstanceConfig } from '../../model/instance.ts';
import { logPathOf, nameFilesOf } from '../../model/instance-files.ts';
import { pidOf, errorOf, startedAtOf } from '../../model/instance-status.ts';
import { familiarName } from '../familiar-name.ts';
import { inspectedConfig, inspectedHostConfig } from './container-config-json.ts';
import { endpointMap, networkSettings, type NetworkFacts } from './container-network-json.ts';
import { dockerState, statusText } from './container-state.ts';
import { mountPoint } from './mounts.ts';
import { portSummaries } from './ports.ts';
import { NEVER, timestamp, unixSeconds } from './times.ts';

export interface Sizes {
  readonly writable: number;
  readonly root: number;
}

/** One row of GET /containers/json. `now`: milliseconds since the epoch. */
export function containerSummary(
  facts: NetworkFacts,
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
    Command: commandText(config.process.args),
    Created: unixSeconds(config.createdAt),
    Ports: portSummaries(instance),
    ...(sizes === null ? {} : { SizeRw: sizes.writable, SizeRootFs: sizes.root }),
    Labels: config.labels,
    State: dockerState(status),
    Status: statusText(status, now),
    HostConfig: { NetworkMode: config.networkName ?? config.networkMode, Isolation: config.isolation },
    NetworkSettings: { Networks: endpointMap(facts, instance) },
    Mounts: shownMounts(config),
  };
}

/** Answer of GET /containers/ID/json. */
export function containerInspect(
  facts: NetworkFacts,
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
    ...paths(facts.identity, instance),
    Name: `/${config.name}`,
    RestartCount: instance.status.restartCount,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: execIds.length === 0 ? null : execIds,
    HostConfig: inspectedHostConfig(config),
    GraphDriver: { Name: 'overlay2', Data: null },
    ...(sizes === null ? {} : { SizeRw: sizes.writable, SizeRootFs: sizes.root }),
    Mounts: shownMounts(config),
    Config: inspectedConfig(config, sourceName(instance)),
    NetworkSettings: networkSettings(facts, instance),
  };
}

/** Docker shows `HostConfig.Tmpfs` there alone. */
function shownMounts({ mounts, options }: InstanceConfig): readonly MountPoint[] {
  const elsewhere = Object.keys(options.given?.tmpfs ?? {});
  return mounts.filter(({ type, target }) => type !== 'tmpfs' || !elsewhere.includes(target)).map(mountPoint);
}

/** Empty before the first start, as with Docker. */
function paths(
  identity: EngineIdentity,
  { config: { id, options }, status }: Instance,
): Pick<ContainerInspect, 'ResolvConfPath' | 'HostnamePath' | 'HostsPath' | 'LogPath'> {
  if (startedAtOf(status) === null)
    return { ResolvConfPath: '', HostnamePath: '', HostsPath: '', LogPath: '' };
  const { resolvConf, hostname, hosts } = nameFilesOf(identity, id);
  return {
    ResolvConfPath: resolvConf,
    HostnamePath: hostname,
    HostsPath: hosts,
    LogPath: options.log?.driver === 'none' ? '' : logPathOf(identity, id),
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
  const alive = state === 'running' || state === 'paused';
  return {
    Status: state,
    // Docker's: one that is about to be restarted counts as running.
    Running: alive || state === 'restarting',
    Paused: state === 'paused',
    Restarting: state === 'restarting',
    OOMKilled: alive ? false : (status.exit?.oomKilled ?? false),
    Dead: state === 'dead',
    Pid: pidOf(status),
    ExitCode: alive ? 0 : (status.exit?.code ?? 0),
    Error: errorOf(status),
    StartedAt: timestamp(startedAtOf(status)),
    FinishedAt: status.exit === null ? NEVER : timestamp(status.exit.finishedAt),
    ...(status.health === null ? {} : { Health: healthJson(status.health) }),
  };
}

function healthJson({ status, failingStreak, log }: Health): HealthJson {
  return {
    Status: status,
    FailingStreak: failingStreak,
    Log: log.map((probe) => ({
      Start: timestamp(probe.start),
      End: timestamp(probe.end),
      ExitCode: probe.exitCode,
      Output: probe.output,
    })),
  };
}

/** The command as Docker lists it: arguments with spaces are in quotes, and nothing is escaped. */
function commandText([program = '', ...args]: readonly string[]): string {
  return [program, ...args.map((word) => (word.includes(' ') ? `'${word}'` : word))].join(' ');
}
