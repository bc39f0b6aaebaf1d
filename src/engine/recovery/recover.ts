import { messageOf } from '../../model/errors.ts';
import type { Network, NetworkLease } from '../../network/network.ts';
import type { Lifecycle } from '../instances/lifecycle.ts';
import type { LogKeeper } from '../instances/log-keeper.ts';
import type { InstanceRecord } from '../instances/record.ts';
import type { Registry } from '../instances/registry.ts';
import { dnsNames, type Runs } from '../instances/run.ts';
import { planRecovery, type RecoveryAction } from './plan.ts';

export interface RecoveryParts {
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
  readonly runs: Runs;
  readonly network: Network;
  readonly logs: LogKeeper;
  readonly bootId: string;
  readonly log: (message: string) => void;
}

/** Takes over what the former daemon left: starts the network with the leases of what still runs, then carries the plan out. */
export async function recover(parts: RecoveryParts): Promise<void> {
  const actions = planRecovery(parts.registry.all(), parts.bootId);
  const adopted = actions.filter((action) => action.type === 'adopt').map(({ id }) => id);
  await parts.network.start(leasesOf(parts.registry, adopted));
  await Promise.all(
    actions.map((action) =>
      carryOut(parts, action).catch((error: unknown) =>
        parts.log(`recovering ${action.id.slice(0, 12)}: ${messageOf(error)}`),
      ),
    ),
  );
}

function leasesOf(
  registry: Registry,
  ids: readonly string[],
): Map<string, { lease: NetworkLease; names: readonly string[] }> {
  const leases = new Map<string, { lease: NetworkLease; names: readonly string[] }>();
  for (const id of ids) {
    const record = registry.byId(id);
    if (record?.lease) leases.set(id, { lease: record.lease, names: dnsNames(record.config) });
  }
  return leases;
}

async function carryOut(parts: RecoveryParts, action: RecoveryAction): Promise<void> {
  const record = parts.registry.byId(action.id);
  if (record === null) return;
  switch (action.type) {
    case 'nothing':
      return;
    case 'adopt':
      return adopt(parts, record);
    case 'interrupted':
    case 'ended-with-host':
      return parts.lifecycle.recoverInterrupted(action.id);
  }
}

async function adopt(parts: RecoveryParts, record: InstanceRecord): Promise<void> {
  const { registry, runs, lifecycle, logs, log } = parts;
  const { config, lease, status } = record;
  if (lease === null) return lifecycle.recoverInterrupted(config.id);
  const bundle = runs.bundle(config, await runs.root(config), lease);
  const found = await runs.runtimeOf(config).adopt(bundle);
  log(`found ${config.name}: ${found.state}`);
  switch (found.state) {
    case 'running': {
      const { pid, pidStartTime } = found.started;
      const running = registry.update(config.id, { pidStartTime }, { state: 'running', pid });
      logs.watch(running.config.id);
      lifecycle.watch(running);
      return;
    }
    case 'exited':
      lifecycle.watch(
        status.state === 'running' ? record : registry.update(config.id, {}, { state: 'running' }),
      );
      return;
    case 'created':
    case 'gone':
      return lifecycle.recoverInterrupted(config.id);
  }
}
