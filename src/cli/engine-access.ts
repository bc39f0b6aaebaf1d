import { Client } from '../client/client.ts';
import { endpointOf } from '../client/endpoint.ts';
import { dialOnDemand } from '../client/on-demand.ts';
import { connectUnix } from '../host/unix-connection.ts';
import { hostAndPort } from '../lib/tcp-address.ts';
import type { CliDeps } from './command.ts';

const DAEMON_LOG = '/var/log/hull/daemon.log';

export interface EngineAccess {
  /** Absent: the default place. */
  readonly host: string | undefined;
  /** An older version of Docker's API to speak. */
  readonly apiVersion: string | undefined;
  readonly startEngine: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The engine at `host`. At the default place one is started when none runs; elsewhere whoever named the place runs it. */
export function openClient(deps: CliDeps, { host, apiVersion, startEngine, env }: EngineAccess): Client {
  const endpoint = endpointOf(host);
  const options = apiVersion === undefined ? {} : { apiVersion };
  if (endpoint.kind === 'tcp') {
    return new Client(async () => (await import('./tls-dial.ts')).dialTls(endpoint, env), {
      ...options,
      host: hostAndPort(endpoint),
    });
  }
  if (!endpoint.local || !startEngine) return new Client(() => connectUnix(endpoint.path), options);
  const start = async () => {
    const { spawnDetached } = await import('../host/detached.ts');
    return spawnDetached([...deps.selfCommand(), 'daemon'], DAEMON_LOG);
  };
  return new Client(dialOnDemand({ path: endpoint.path, start }), options);
}
