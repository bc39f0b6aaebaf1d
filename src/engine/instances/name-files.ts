import { mkdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { isNoSpace } from '../../host/exec.ts';
import type { Mounts } from '../../host/host.ts';
import { type NameTexts, writeNameFiles } from '../../host/run-folder.ts';
import { hostsText, ownHostsLines, resolvConfText } from '../../lib/name-files.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import { HullError } from '../../model/errors.ts';
import type { InstanceConfig } from '../../model/instance.ts';
import { logFolderOf, nameFilesOf, runDirOf } from '../../model/instance-files.ts';
import type { Network, NetworkLease } from '../../network/network.ts';
import type { InstanceRecord } from './record.ts';

type NetworkFacts = Pick<Network, 'resolver'>;

/** Makes the folders of a run and writes the instance's own hosts, hostname and resolv.conf; who joins another's network has those of that one. */
export function makeRunFolders(
  { identity, mounts }: { readonly identity: EngineIdentity; readonly mounts: Mounts },
  config: InstanceConfig,
  lease: NetworkLease,
  network: NetworkFacts,
): void {
  const runDir = runDirOf(identity, config.id);
  mkdirSync(logFolderOf(identity, config.id), { recursive: true, mode: 0o700 });
  if (config.joins === undefined) writeNameFiles(mounts, runDir, nameTexts(config, lease, network));
  else mkdirSync(runDir, { recursive: true, mode: 0o700 });
}

/**
 * Brings hosts and resolv.conf of a running instance up to date after it was connected or disconnected. In place, because the files are bound into
 * it; lines of its own stay. Rejects `no-space` when the instance has filled them.
 */
export async function updateNameFiles(
  identity: EngineIdentity,
  { config, lease: before }: InstanceRecord,
  lease: NetworkLease,
  network: NetworkFacts,
): Promise<void> {
  const files = nameFilesOf(identity, config.id);
  const old = before === null ? [] : ownLines(config, before);
  const hosts = (await readFile(files.hosts, 'utf8')).split('\n');
  const kept = hosts.filter((line) => line !== '' && !old.includes(line));
  const resolver = before === null ? '' : resolvConf(config, before, network);
  try {
    await writeFile(files.hosts, `${[...kept, ...ownLines(config, lease)].join('\n')}\n`);
    // One that the instance has written itself is its own.
    if ((await readFile(files.resolvConf, 'utf8')) === resolver)
      await writeFile(files.resolvConf, resolvConf(config, lease, network));
  } catch (error) {
    if (!isNoSpace(error)) throw error;
    throw new HullError(
      'no-space',
      `the networks of ${config.name} changed, but its /etc/hosts and /etc/resolv.conf could not follow: it has filled the space that they have`,
      { cause: error },
    );
  }
}

function nameTexts(config: InstanceConfig, lease: NetworkLease, network: NetworkFacts): NameTexts {
  return {
    hosts: hostsText(config.extraHosts, ownLines(config, lease), gatewayOf(lease)),
    hostname: `${config.hostname}\n`,
    resolvConf: resolvConf(config, lease, network),
  };
}

function ownLines(config: InstanceConfig, lease: NetworkLease): readonly string[] {
  const addresses = lease.attachments.flatMap(({ endpoint: { address, ipv6 } }) => [
    address,
    ...(ipv6 === null ? [] : [ipv6.address]),
  ]);
  return ownHostsLines(config.hostname, config.domainname, addresses);
}

/** Where the host is seen from inside. */
function gatewayOf(lease: NetworkLease): string {
  const gateways = lease.attachments.map(({ endpoint, resolver }) => endpoint.gateway || (resolver ?? ''));
  return gateways.find((gateway) => gateway !== '') ?? '127.0.0.1';
}

function resolvConf(config: InstanceConfig, lease: NetworkLease, network: NetworkFacts): string {
  const resolver = network.resolver(lease);
  // On a network of the user's, names lead to its instances; the servers asked for are asked by the engine's own.
  const own = config.dns.length > 0 && !resolver.embedded;
  return resolvConfText({
    nameservers: own ? config.dns : resolver.nameservers,
    search: config.dnsSearch ?? resolver.search,
    options: config.dnsOptions ?? resolver.options,
  });
}
