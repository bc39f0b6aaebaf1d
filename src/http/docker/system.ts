import { API_VERSION, MIN_API_VERSION, type VersionInfo } from '../../../api/docker.ts';
import type { EngineApi, ProgramVersion } from '../../engine/api.ts';
import type { Exchange } from '../exchange.ts';
import type { Route } from '../router.ts';
import { hostArchitecture } from './platform.ts';
import { systemInfo } from './system-info.ts';

export const systemRoutes: readonly Route[] = [
  { method: 'GET', path: '/_ping', handler: ping },
  { method: 'HEAD', path: '/_ping', handler: ping },
  { method: 'GET', path: '/version', handler: version },
  { method: 'GET', path: '/info', handler: info },
];

/** Milliseconds that clients, which ask for /info before they do anything, wait for isolations that are being tried. */
const PROBE_PATIENCE = 100;

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
  // Not all of the facts: looking whether VMs boot takes a second, once.
  const { kernel } = engine.system.host();
  const programs = await engine.system.programs();
  const details = {
    ApiVersion: API_VERSION,
    Arch: hostArchitecture(),
    BuildTime: '',
    Experimental: 'false',
    GitCommit: own.commit,
    GoVersion: own.builtWith,
    KernelVersion: kernel,
    MinAPIVersion: MIN_API_VERSION,
    Os: 'linux',
  };
  const answer: VersionInfo = {
    Platform: { Name: 'Twinhull' },
    Components: [{ Name: 'Engine', Version: own.version, Details: details }, ...programs.map(component)],
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

/** As the command line shows them: a name, a version, and the commit where it is known. */
function component({ name, version, commit }: ProgramVersion): VersionInfo['Components'][number] {
  return { Name: name, Version: version, Details: { GitCommit: commit } };
}

async function info(engine: EngineApi, exchange: Exchange): Promise<void> {
  const [facts, programs] = await Promise.all([
    engine.system.info({ patience: PROBE_PATIENCE }),
    engine.system.programs(),
  ]);
  exchange.send(systemInfo(engine, { facts, programs, host: engine.system.host() }));
}
