import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import type { Network, NetworkLease } from '../../network/network.ts';
import { addressLines, resolvConf, runDirOf } from '../instances/bundle.ts';
import type { InstanceRecord } from '../instances/record.ts';

/**
 * Brings hosts and resolv.conf of a running instance up to date after it was connected or disconnected. In place, because the files are bound into
 * it; lines of its own stay.
 */
export async function updateRunFiles(
  identity: EngineIdentity,
  { config, lease: before }: InstanceRecord,
  lease: NetworkLease,
  network: Pick<Network, 'resolver'>,
): Promise<void> {
  const runDir = runDirOf(identity, config.id);
  const old = before === null ? [] : addressLines(config, before);
  const path = join(runDir, 'hosts');
  const kept = (await readFile(path, 'utf8'))
    .split('\n')
    .filter((line) => line !== '' && !old.includes(line));
  await writeFile(path, `${[...kept, ...addressLines(config, lease)].join('\n')}\n`);
  const resolver = join(runDir, 'resolv.conf');
  const own = before === null ? '' : resolvConf(config, before, network);
  // One that the instance has written itself is its own.
  if ((await readFile(resolver, 'utf8')) === own)
    await writeFile(resolver, resolvConf(config, lease, network));
}
