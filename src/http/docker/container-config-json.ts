import type { ContainerConfig, HostConfig, InspectedHostConfig, WireSet } from '../../../api/docker.ts';
import type { InstanceConfig, InstanceMount } from '../../model/instance.ts';
import { bindText } from './mounts.ts';
import { portMap } from './ports.ts';

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
    Env: config.process.env,
    Cmd: config.command.length === 0 ? null : config.command,
    ...(config.healthcheck === undefined ? {} : { Healthcheck: config.healthcheck }),
    Image: image,
    Volumes: anonymousVolumes(config),
    WorkingDir: config.process.cwd,
    Entrypoint: config.entrypoint.length === 0 ? null : config.entrypoint,
    OnBuild: null,
    Labels: config.labels,
    StopSignal: config.stopSignal,
    StopTimeout: config.stopTimeout,
  };
}

function anonymousVolumes(config: InstanceConfig): WireSet | null {
  const targets = config.mounts.filter((mount) => mount.type === 'volume').map((mount) => mount.target);
  return targets.length === 0 ? null : wireSet(targets);
}

function wireSet(keys: readonly string[]): WireSet {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

/** `HostConfig` of an inspected container. Durations and sizes as Docker has them; what this engine has no word for shows Docker's default. */
export function inspectedHostConfig(config: InstanceConfig): InspectedHostConfig {
  const tmpfs = config.mounts.filter((mount) => mount.type === 'tmpfs');
  const binds = config.mounts.filter((mount) => mount.type !== 'tmpfs').map(bindText);
  return {
    Binds: binds.length === 0 ? null : binds,
    ContainerIDFile: '',
    LogConfig: { Type: 'json-file', Config: {} },
    NetworkMode: config.networkMode,
    PortBindings: portMap(config.ports, []),
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    AutoRemove: config.autoRemove,
    VolumeDriver: '',
    VolumesFrom: null,
    ConsoleSize: [config.process.size?.rows ?? 0, config.process.size?.columns ?? 0],
    CapAdd: config.capAdd.length === 0 ? null : config.capAdd,
    CapDrop: config.capDrop.length === 0 ? null : config.capDrop,
    CgroupnsMode: 'private',
    Dns: config.dns,
    DnsOptions: [],
    DnsSearch: [],
    ExtraHosts: config.extraHosts.length === 0 ? null : config.extraHosts,
    GroupAdd: null,
    IpcMode: 'private',
    Cgroup: '',
    Links: null,
    OomScoreAdj: 0,
    PidMode: '',
    Privileged: config.privileged,
    PublishAllPorts: false,
    ReadonlyRootfs: config.readOnlyRoot,
    SecurityOpt: null,
    UTSMode: '',
    UsernsMode: '',
    ShmSize: 67_108_864,
    Runtime: config.isolation === 'sandbox' ? 'runsc' : 'runc',
    Isolation: config.isolation,
    ...inspectedResources(config),
    ...(tmpfs.length === 0 ? {} : { Tmpfs: tmpfsMap(tmpfs) }),
    Init: config.init,
    ...(config.source.kind === 'machine' ? { Machine: config.source.disk } : {}),
  };
}

type InspectedResources = Required<
  Pick<HostConfig, 'Memory' | 'MemorySwap' | 'NanoCpus' | 'CpuShares' | 'CpusetCpus' | 'PidsLimit'>
> &
  Readonly<Record<string, unknown>>;

function inspectedResources({ resources }: InstanceConfig): InspectedResources {
  return {
    CpuShares: resources.cpuShares ?? 0,
    Memory: resources.memory ?? 0,
    NanoCpus: resources.nanoCpus ?? 0,
    CgroupParent: '',
    BlkioWeight: 0,
    BlkioWeightDevice: null,
    CpuPeriod: 0,
    CpuQuota: 0,
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    CpusetCpus: resources.cpusetCpus ?? '',
    CpusetMems: '',
    Devices: [],
    DeviceCgroupRules: null,
    DeviceRequests: null,
    MemoryReservation: 0,
    MemorySwap: resources.memorySwap ?? 0,
    MemorySwappiness: null,
    OomKillDisable: false,
    PidsLimit: resources.pidsLimit ?? null,
    Ulimits: null,
  };
}

function tmpfsMap(mounts: readonly InstanceMount[]): Record<string, string> {
  return Object.fromEntries(
    mounts.map((mount) => [mount.target, [...(mount.readOnly ? ['ro'] : []), ...mount.options].join(',')]),
  );
}
