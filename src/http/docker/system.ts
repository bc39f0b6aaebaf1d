import { API_VERSION, MIN_API_VERSION, type SystemInfo, type VersionInfo } from '../../../api/docker.ts';
import type { EngineApi, EngineInfo } from '../../engine/api.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../router.ts';
import { dockerState } from './container-state.ts';
import { hostArchitecture } from './platform.ts';

export const systemRoutes: readonly Route[] = [
  { method: 'GET', path: '/_ping', handler: ping },
  { method: 'HEAD', path: '/_ping', handler: ping },
  { method: 'GET', path: '/version', handler: version },
  { method: 'GET', path: '/info', handler: info },
];

function ping(_engine: EngineApi, exchange: Exchange): void {
  // The classic builder: clients with BuildKit must not try it here.
  exchange.text('OK', {
    'Builder-Version': '1',
    Swarm: 'inactive',
    'Cache-Control': 'no-cache, no-store, must-revalidate',
    Pragma: 'no-cache',
  });
}

async function version(engine: EngineApi, exchange: Exchange): Promise<void> {
  const own = engine.system.version();
  const { kernel } = await engine.system.info();
  const details = {
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    Arch: hostArchitecture(),
    BuildTime: '',
    Experimental: 'false',
    GitCommit: own.commit,
    GoVersion: own.builtWith,
    KernelVersion: kernel,
    Os: 'linux',
  };
  const answer: VersionInfo = {
    Platform: { Name: 'Twinhull' },
    Components: [{ Name: 'Engine', Version: own.version, Details: details }],
    Version: own.version,
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    GitCommit: own.commit,
    GoVersion: own.builtWith,
    Os: 'linux',
    Arch: hostArchitecture(),
    KernelVersion: kernel,
    BuildTime: '',
  };
  exchange.send(answer);
}

async function info(engine: EngineApi, exchange: Exchange): Promise<void> {
  const facts = await engine.system.info();
  exchange.send(systemInfo(engine, facts));
}

function systemInfo(engine: EngineApi, facts: EngineInfo): SystemInfo {
  const states = engine.instances.list().map(({ status }) => dockerState(status));
  const running = states.filter((state) => state === 'running').length;
  return {
    ID: facts.id,
    Name: facts.name,
    Containers: states.length,
    ContainersRunning: running,
    ContainersPaused: 0,
    ContainersStopped: states.length - running,
    Images: engine.images.list().length,
    Driver: 'overlay2',
    DriverStatus: isolationRows(facts),
    DockerRootDir: engine.identity.dataDir,
    MemTotal: facts.memory,
    NCPU: facts.cpus,
    KernelVersion: facts.kernel,
    OperatingSystem: facts.operatingSystem,
    OSVersion: '',
    OSType: 'linux',
    Architecture: process.arch === 'x64' ? 'x86_64' : process.arch,
    ServerVersion: engine.system.version().version,
    CgroupDriver: 'cgroupfs',
    CgroupVersion: facts.cgroupVersion,
    Isolation: '',
    DefaultRuntime: 'runc',
    Runtimes: facts.isolations.sandbox.available
      ? { runc: { path: 'crun' }, runsc: { path: 'runsc' } }
      : { runc: { path: 'crun' } },
    LoggingDriver: 'json-file',
    SystemTime: new Date().toISOString(),
    Warnings: facts.warnings.length === 0 ? null : facts.warnings,
    ...FIXED_INFO,
  };
}

/** Docker's clients print the storage driver's facts as they are: a place to show what this host can do. */
function isolationRows(facts: EngineInfo): readonly (readonly [string, string])[] {
  return Object.entries(facts.isolations).map(([name, found]): [string, string] => [
    `Isolation ${name}`,
    found.available ? found.detail || 'available' : `unavailable: ${found.reason}`,
  ]);
}

/** What clients look at and what is the same on every host. */
const FIXED_INFO = {
  Plugins: {
    Volume: ['local'],
    Network: ['bridge', 'host', 'null'],
    Authorization: null,
    Log: ['json-file'],
  },
  MemoryLimit: true,
  SwapLimit: true,
  CpuCfsPeriod: true,
  CpuCfsQuota: true,
  CPUShares: true,
  CPUSet: true,
  PidsLimit: true,
  IPv4Forwarding: true,
  Debug: false,
  NFd: 0,
  OomKillDisable: false,
  NGoroutines: 0,
  NEventsListener: 0,
  IndexServerAddress: 'https://index.docker.io/v1/',
  RegistryConfig: { IndexConfigs: {}, InsecureRegistryCIDRs: [], Mirrors: [] },
  GenericResources: null,
  HttpProxy: '',
  HttpsProxy: '',
  NoProxy: '',
  Labels: [],
  ExperimentalBuild: false,
  Swarm: {
    NodeID: '',
    NodeAddr: '',
    LocalNodeState: 'inactive',
    ControlAvailable: false,
    Error: '',
    RemoteManagers: null,
  },
  LiveRestoreEnabled: true,
  InitBinary: '',
  ContainerdCommit: { ID: '' },
  RuncCommit: { ID: '' },
  InitCommit: { ID: '' },
  SecurityOptions: ['name=seccomp,profile=builtin'],
  CDISpecDirs: [],
} as const;
