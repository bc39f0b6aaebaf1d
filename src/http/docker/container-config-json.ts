import type { ContainerConfig, HostConfig, InspectedHostConfig, WireSet } from '../../../api/docker.ts';
import type { InstanceConfig } from '../../model/instance.ts';
import type { Isolation } from '../../model/isolation.ts';
import { DEFAULT_SHM_SIZE } from '../../model/instance-options.ts';
import { MASKED_PATHS, READ_ONLY_PATHS } from '../../model/system-paths.ts';
import type { ThrottleDevice } from '../../model/resources.ts';
import { portMap } from './ports.ts';

/** What an instance has that was given neither by its image nor by its user: Docker shows none. */
const DEFAULT_STOP = { signal: 'SIGTERM', timeout: 10 };

/** `Config` of an inspected container: what was asked, with the image's defaults merged in. */
export function inspectedConfig(config: InstanceConfig, image: string): ContainerConfig {
  return {
    Hostname: config.hostname,
    Domainname: config.domainname,
    User: config.process.user,
    AttachStdin: config.attach.stdin,
    AttachStdout: config.attach.stdout,
    AttachStderr: config.attach.stderr,
    ...(config.exposedPorts.length === 0 ? {} : { ExposedPorts: wireSet(config.exposedPorts) }),
    Tty: config.process.tty,
    OpenStdin: config.openStdin,
    StdinOnce: config.stdinOnce,
    Env: givenEnvironment(config),
    Cmd: config.command.length === 0 ? null : config.command,
    ...(config.healthcheck === undefined ? {} : { Healthcheck: config.healthcheck }),
    Image: image,
    Volumes: config.options.given?.volumes === undefined ? null : wireSet(config.options.given.volumes),
    // The root is where everything runs that was not told where.
    WorkingDir: config.process.cwd === '/' ? '' : config.process.cwd,
    Entrypoint: config.entrypoint.length === 0 ? null : config.entrypoint,
    OnBuild: null,
    Labels: config.labels,
    ...(config.stopSignal === DEFAULT_STOP.signal ? {} : { StopSignal: config.stopSignal }),
    ...(config.stopTimeout === DEFAULT_STOP.timeout ? {} : { StopTimeout: config.stopTimeout }),
  };
}

/** Without what every instance's environment gets of itself. */
function givenEnvironment({ process, hostname }: InstanceConfig): readonly string[] {
  const own = [`HOSTNAME=${hostname}`, ...(process.tty ? ['TERM=xterm'] : [])];
  return process.env.filter((entry) => !own.includes(entry));
}

function wireSet(keys: readonly string[]): WireSet {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

/** `HostConfig` of an inspected container: what was asked for, and Docker's defaults where nothing was. */
export function inspectedHostConfig(config: InstanceConfig): InspectedHostConfig {
  const { options } = config;
  const given = options.given ?? {};
  return {
    Binds: given.binds ?? null,
    ContainerIDFile: '',
    LogConfig: { Type: options.log?.driver ?? 'json-file', Config: options.log?.options ?? {} },
    NetworkMode: config.networkName ?? config.networkMode,
    PortBindings: portMap(config.ports, []),
    RestartPolicy: {
      Name: config.restartPolicy?.name ?? 'no',
      MaximumRetryCount: config.restartPolicy?.maximumRetryCount ?? 0,
    },
    AutoRemove: config.autoRemove,
    VolumeDriver: given.volumeDriver ?? '',
    VolumesFrom: given.volumesFrom ?? null,
    ConsoleSize: [config.process.size?.rows ?? 0, config.process.size?.columns ?? 0],
    ...present('Annotations', options.annotations),
    CapAdd: nullIfEmpty(config.capAdd),
    CapDrop: nullIfEmpty(config.capDrop),
    CgroupnsMode: options.cgroupnsMode ?? 'private',
    Dns: config.dns,
    DnsOptions: config.dnsOptions ?? [],
    DnsSearch: config.dnsSearch ?? [],
    ExtraHosts: nullIfEmpty(config.extraHosts),
    GroupAdd: options.groupAdd ?? null,
    IpcMode: options.ipcMode ?? 'private',
    Cgroup: '',
    Links: nullIfEmpty(legacyLinks(config)),
    OomScoreAdj: options.oomScoreAdj ?? 0,
    PidMode: options.pidMode ?? '',
    Privileged: config.privileged,
    PublishAllPorts: false,
    ReadonlyRootfs: config.readOnlyRoot,
    SecurityOpt: shownSecurity(config),
    ...present('StorageOpt', options.storageOpt),
    ...present('Tmpfs', given.tmpfs),
    UTSMode: options.utsMode ?? '',
    UsernsMode: options.usernsMode ?? '',
    ShmSize: options.shmSize ?? DEFAULT_SHM_SIZE,
    ...present('Sysctls', options.sysctls),
    Runtime: options.runtime ?? RUNTIME_OF[config.isolation],
    Isolation: config.isolation,
    ...inspectedResources(config),
    ...present('Mounts', given.mounts),
    MaskedPaths: config.privileged ? null : (options.maskedPaths ?? MASKED_PATHS),
    ReadonlyPaths: config.privileged ? null : (options.readonlyPaths ?? READ_ONLY_PATHS),
    ...(config.init ? { Init: true } : {}),
    ...(config.source.kind === 'machine' ? { Machine: config.source.disk } : {}),
  };
}

/** The runtime that is shown where none was named. */
const RUNTIME_OF: Readonly<Record<Isolation, string>> = { container: 'runc', sandbox: 'runsc', vm: 'runc' };

/** Docker's daemon says so of those that see the host's processes or memory. */
function shownSecurity({ privileged, options }: InstanceConfig): readonly string[] | null {
  const { securityOpt = [], ipcMode, pidMode } = options;
  const labelled = securityOpt.some((option) => option.split('=')[0] === 'label');
  const open = privileged || ipcMode === 'host' || pidMode === 'host';
  return nullIfEmpty(open && !labelled ? [...securityOpt, 'label=disable'] : securityOpt);
}

type InspectedResources = Required<
  Pick<HostConfig, 'Memory' | 'MemorySwap' | 'NanoCpus' | 'CpuShares' | 'CpusetCpus' | 'PidsLimit'>
> &
  Readonly<Record<string, unknown>>;

function inspectedResources({ resources, options }: InstanceConfig): InspectedResources {
  return {
    CpuShares: resources.cpuShares ?? 0,
    Memory: resources.memory ?? 0,
    NanoCpus: resources.nanoCpus ?? 0,
    CgroupParent: options.cgroupParent ?? '',
    BlkioWeight: resources.blkioWeight ?? 0,
    BlkioWeightDevice: (resources.blkioWeightDevice ?? []).map(({ path, weight }) => ({
      Path: path,
      Weight: weight,
    })),
    BlkioDeviceReadBps: throttled(resources.blkioDeviceReadBps),
    BlkioDeviceWriteBps: throttled(resources.blkioDeviceWriteBps),
    BlkioDeviceReadIOps: throttled(resources.blkioDeviceReadIOps),
    BlkioDeviceWriteIOps: throttled(resources.blkioDeviceWriteIOps),
    CpuPeriod: resources.cpuPeriod ?? 0,
    CpuQuota: resources.cpuQuota ?? 0,
    CpuRealtimePeriod: resources.cpuRealtimePeriod ?? 0,
    CpuRealtimeRuntime: resources.cpuRealtimeRuntime ?? 0,
    CpusetCpus: resources.cpusetCpus ?? '',
    CpusetMems: resources.cpusetMems ?? '',
    Devices: (options.devices ?? []).map(({ pathOnHost, pathInContainer, permissions }) => ({
      PathOnHost: pathOnHost,
      PathInContainer: pathInContainer,
      CgroupPermissions: permissions,
    })),
    DeviceCgroupRules: options.deviceCgroupRules ?? null,
    DeviceRequests: null,
    MemoryReservation: resources.memoryReservation ?? 0,
    MemorySwap: resources.memorySwap ?? 0,
    MemorySwappiness: resources.memorySwappiness ?? null,
    OomKillDisable: resources.oomKillDisable ?? false,
    PidsLimit: resources.pidsLimit ?? null,
    Ulimits: (options.ulimits ?? []).map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })),
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  };
}

function throttled(devices: readonly ThrottleDevice[] = []): readonly unknown[] {
  return devices.map(({ path, rate }) => ({ Path: path, Rate: rate }));
}

function nullIfEmpty<T>(list: readonly T[]): readonly T[] | null {
  return list.length === 0 ? null : list;
}

/** A field that Docker leaves out where nothing was asked for. */
function present<K extends string, T>(field: K, value: T | undefined): { readonly [P in K]?: T } {
  return value === undefined ? {} : ({ [field]: value } as { readonly [P in K]: T });
}

/** Links on the default network belong to the instance itself, as Docker shows them: `/db:/web/alias`. */
function legacyLinks({ name, networks }: InstanceConfig): readonly string[] {
  return networks
    .filter(({ network }) => network === 'bridge')
    .flatMap(({ links }) => links)
    .map((link) => `/${link.replace(':', `:/${name}/`)}`);
}
