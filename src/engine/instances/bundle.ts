import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import type { InstanceConfig } from '../../model/instance.ts';
import { logFolderOf, logPathOf, runDirOf, runFilesOf } from '../../model/instance-files.ts';
import type { RootFilesystem } from '../../model/root-filesystem.ts';
import type { Network, NetworkLease } from '../../network/network.ts';
import type { Bundle, FilesBundle, LogTarget } from '../../runtime/runtime.ts';
import { logBounds } from './settle-options.ts';

/** Bytes of one log file; with the rotated ones an instance's log takes three times as much at most. */
const LOG_HARD_LIMIT = 10 * 1024 * 1024;
const UNREAD_LIMIT = 64 * 1024;
export { logFolderOf, logPathOf, runDirOf };

/** The bundle of a run. Pure: the same facts give the same bundle after a restart of the daemon. */
export function bundleOf(
  identity: EngineIdentity,
  config: InstanceConfig,
  root: RootFilesystem,
  lease: NetworkLease,
): Bundle {
  const runDir = runDirOf(identity, config.id);
  return {
    id: config.id,
    name: config.name,
    hostname: config.hostname,
    domainname: config.domainname,
    process: config.process,
    openStdin: config.openStdin,
    // A terminal's client may leave and come back.
    stdinOnce: config.stdinOnce && !config.process.tty,
    root,
    mounts: config.mounts,
    // Who joins another instance's network has its names too.
    files: runFilesOf(identity, config.joins ?? config.id),
    network: lease.bundle,
    resources: config.resources,
    readOnlyRoot: config.readOnlyRoot,
    init: config.init,
    privileged: config.privileged,
    capAdd: config.capAdd,
    capDrop: config.capDrop,
    options: config.options,
    runDir,
    log: logTargetOf(identity, config),
  };
}

/** Of an instance that does not run. A folder of its own, so that nothing of it is taken for a run's. */
export function filesBundleOf(
  identity: EngineIdentity,
  { id, name, mounts, readOnlyRoot }: InstanceConfig,
  root: RootFilesystem,
): FilesBundle {
  return { id, name, root, mounts, readOnlyRoot, runDir: join(runDirOf(identity, id), 'files') };
}

/** What nobody will read is kept beside the run, as little of it as a monitor needs. */
function logTargetOf(identity: EngineIdentity, { id, options }: InstanceConfig): LogTarget {
  if (options.log?.driver === 'none')
    return { path: join(runDirOf(identity, id), 'log'), hardLimit: UNREAD_LIMIT, files: 1 };
  const { size = LOG_HARD_LIMIT, files } = options.log === undefined ? {} : logBounds(options.log);
  return { path: logPathOf(identity, id), hardLimit: size, ...(files === undefined ? {} : { files }) };
}

/** Makes the folders of a run and writes the instance's own hosts, hostname and resolv.conf. Synchronous: it is on the way of every start, and takes a tenth of a millisecond. */
export function writeRunFiles(
  identity: EngineIdentity,
  config: InstanceConfig,
  lease: NetworkLease,
  network: Pick<Network, 'resolver'>,
): void {
  const runDir = runDirOf(identity, config.id);
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  mkdirSync(logFolderOf(identity, config.id), { recursive: true, mode: 0o700 });
  if (config.joins !== undefined) return;
  writeFileSync(join(runDir, 'hosts'), hostsFile(config, lease));
  writeFileSync(join(runDir, 'hostname'), `${config.hostname}\n`);
  writeFileSync(join(runDir, 'resolv.conf'), resolvConf(config, lease, network));
}

/** What every hosts file begins with, as Docker writes it. */
const COMMON_HOSTS = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

function hostsFile(config: InstanceConfig, lease: NetworkLease): string {
  const lines = [...COMMON_HOSTS];
  for (const entry of config.extraHosts) {
    const colon = entry.indexOf(':');
    const target = entry.slice(colon + 1);
    const resolved = target === 'host-gateway' ? gatewayOf(lease) : target;
    if (colon > 0) lines.push(`${resolved}\t${entry.slice(0, colon)}`);
  }
  return `${[...lines, ...addressLines(config, lease)].join('\n')}\n`;
}

/** Its own names, the qualified one before the bare one, one line for each address. */
export function addressLines(config: InstanceConfig, lease: NetworkLease): string[] {
  const full = [config.hostname, config.domainname].filter((part) => part !== '').join('.');
  const bare = full.split('.', 1).join('');
  const names = full === bare ? full : `${full} ${bare}`;
  const own = lease.attachments.flatMap(({ endpoint: { address, ipv6 } }) => [
    address,
    ...(ipv6 === null ? [] : [ipv6.address]),
  ]);
  return (own.length > 0 ? own : ['127.0.1.1']).map((address) => `${address}\t${names}`);
}

/** Where the host is seen from inside. */
function gatewayOf(lease: NetworkLease): string {
  const gateways = lease.attachments.map(({ endpoint, resolver }) => endpoint.gateway || (resolver ?? ''));
  return gateways.find((gateway) => gateway !== '') ?? '127.0.0.1';
}

export function resolvConf(
  config: InstanceConfig,
  lease: NetworkLease,
  network: Pick<Network, 'resolver'>,
): string {
  const resolver = network.resolver(lease);
  const search = config.dnsSearch ?? resolver.search;
  const options = config.dnsOptions ?? resolver.options;
  // On a network of the user's, names lead to its instances; the servers asked for are asked by the engine's own.
  const own = config.dns.length > 0 && !resolver.embedded;
  const lines = (own ? config.dns : resolver.nameservers).map((server) => `nameserver ${server}`);
  if (search.length > 0 && search[0] !== '.') lines.push(`search ${search.join(' ')}`);
  if (options.length > 0) lines.push(`options ${options.join(' ')}`);
  return `${lines.join('\n')}\n`;
}
