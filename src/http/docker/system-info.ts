import type { SystemInfo } from '../../../api/docker.ts';
import type { EngineApi, EngineInfo, HostFacts, ProgramVersion } from '../../engine/api.ts';
import { dockerState } from './container-state.ts';

/** What the answer is made of. */
interface Known {
  readonly facts: EngineInfo;
  readonly host: HostFacts;
  readonly programs: readonly ProgramVersion[];
}

/** Answer of GET /info. */
export function systemInfo(engine: EngineApi, known: Known): SystemInfo {
  const { facts, host } = known;
  const states = engine.instances.list().map(({ status }) => dockerState(status));
  const count = (...wanted: readonly string[]): number =>
    states.filter((state) => wanted.includes(state)).length;
  const [running, paused] = [count('running', 'restarting'), count('paused')];
  return {
    ID: host.engineId,
    Containers: states.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: states.length - running - paused,
    Images: engine.images.list().length,
    Driver: 'overlay2',
    DriverStatus: driverStatus(facts, host),
    Plugins: PLUGINS,
    ...limits(host),
    SystemTime: new Date().toISOString(),
    ...hostPart(facts, host),
    ...registryPart(),
    DockerRootDir: engine.identity.dataDir,
    HttpProxy: '',
    HttpsProxy: '',
    NoProxy: '',
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: engine.system.version().version,
    ...runtimePart(known),
    Warnings: warnings(facts, host),
  };
}

/** What is the same on every host. */
const PLUGINS = {
  Volume: ['local'],
  Network: ['bridge', 'host', 'macvlan', 'null'],
  Authorization: null,
  Log: ['json-file'],
} as const;

function limits({
  features,
  load,
  listeners,
}: HostFacts): Pick<SystemInfo, 'LoggingDriver' | 'CgroupDriver'> & Record<string, unknown> {
  return {
    MemoryLimit: features.memoryLimit,
    SwapLimit: features.swapLimit,
    CpuCfsPeriod: features.cpuQuota,
    CpuCfsQuota: features.cpuQuota,
    CPUShares: features.cpuShares,
    CPUSet: features.cpuset,
    PidsLimit: features.pidsLimit,
    IPv4Forwarding: features.ipv4Forwarding,
    Debug: false,
    NFd: load.files,
    OomKillDisable: features.oomKillDisable,
    NGoroutines: load.threads,
    NEventsListener: listeners,
    LoggingDriver: 'json-file',
    CgroupDriver: 'cgroupfs',
  };
}

function hostPart(
  facts: EngineInfo,
  host: HostFacts,
): Pick<
  SystemInfo,
  | 'CgroupVersion'
  | 'KernelVersion'
  | 'OperatingSystem'
  | 'OSVersion'
  | 'OSType'
  | 'Architecture'
  | 'NCPU'
  | 'MemTotal'
  | 'Name'
> {
  return {
    CgroupVersion: facts.cgroupVersion,
    KernelVersion: facts.kernel,
    OperatingSystem: facts.operatingSystem,
    OSVersion: host.operatingSystemVersion,
    OSType: 'linux',
    Architecture: process.arch === 'x64' ? 'x86_64' : process.arch === 'arm64' ? 'aarch64' : process.arch,
    NCPU: facts.cpus,
    MemTotal: facts.memory,
    Name: facts.name,
  };
}

function registryPart(): Record<string, unknown> {
  return {
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: {
      IndexConfigs: { 'docker.io': { Name: 'docker.io', Mirrors: [], Secure: true, Official: true } },
      InsecureRegistryCIDRs: ['::1/128', '127.0.0.0/8'],
      Mirrors: [],
    },
    GenericResources: null,
  };
}

function runtimePart({ facts, host, programs }: Known): typeof SWARM_PART & Pick<SystemInfo, RuntimeField> {
  const { container, sandbox, vm } = facts.isolations;
  const program = container.available ? (/^[\w-]+/.exec(container.detail)?.[0] ?? 'crun') : 'crun';
  const version = programs.find(({ name }) => name === program)?.version ?? '';
  return {
    ...SWARM_PART,
    Runtimes: {
      crun: { path: program },
      runc: { path: program },
      ...(sandbox.available ? { runsc: { path: 'runsc' } } : {}),
      ...(vm.available ? { 'hull-vm': { path: 'qemu-system-x86_64' } } : {}),
    },
    DefaultRuntime: 'runc',
    Isolation: '',
    RuncCommit: { ID: version === '' ? '' : `${program} ${version}` },
    SecurityOptions: [
      ...(host.features.seccomp ? ['name=seccomp,profile=builtin'] : []),
      ...(facts.cgroupVersion === '2' ? ['name=cgroupns'] : []),
    ],
  };
}

type RuntimeField = 'Runtimes' | 'DefaultRuntime' | 'Isolation' | 'RuncCommit' | 'SecurityOptions';

/** One host, whose instances live on without the daemon, and no containerd. */
const SWARM_PART = {
  Swarm: {
    NodeID: '',
    NodeAddr: '',
    LocalNodeState: 'inactive',
    ControlAvailable: false,
    Error: '',
    RemoteManagers: null,
  },
  LiveRestoreEnabled: true,
  InitBinary: 'docker-init',
  ContainerdCommit: { ID: '' },
  InitCommit: { ID: '' },
  FirewallBackend: { Driver: 'nftables' },
  CDISpecDirs: [],
  Containerd: null,
} as const;

/** Docker's clients print the storage driver's facts as they are: a place to show what this host can do, too. */
function driverStatus(facts: EngineInfo, { features }: HostFacts): readonly (readonly [string, string])[] {
  const isolations = Object.entries(facts.isolations).map(([name, found]): [string, string] => [
    `Isolation ${name}`,
    found.available ? found.detail || 'available' : `unavailable: ${found.reason}`,
  ]);
  return [
    ['Backing Filesystem', features.backingFilesystem],
    ['Supports d_type', 'true'],
    ['Using metacopy', 'false'],
    ['Native Overlay Diff', 'true'],
    ['userxattr', 'false'],
    ...isolations,
  ];
}

/** In Docker's words where it has some; null where there is nothing to warn of. */
function warnings(facts: EngineInfo, { features }: HostFacts): readonly string[] | null {
  const lacking = [
    [features.memoryLimit, 'No memory limit support'],
    [features.swapLimit, 'No swap limit support'],
    [features.cpuQuota, 'No cpu cfs quota support'],
    [features.cpuQuota, 'No cpu cfs period support'],
    [features.cpuShares, 'No cpu shares support'],
    [features.cpuset, 'No cpuset support'],
    [features.ipv4Forwarding, 'IPv4 forwarding is disabled'],
  ] as const;
  const all = [...lacking.filter(([has]) => !has).map(([, text]) => text), ...facts.warnings];
  return all.length === 0 ? null : all.map((text) => `WARNING: ${text}`);
}
