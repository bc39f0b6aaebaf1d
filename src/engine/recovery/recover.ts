import { Retries } from '../../lib/retries.ts';
import { messageOf } from '../../model/errors.ts';
import type { KnownLease, Network } from '../../network/network.ts';
import { isPausable } from '../../runtime/runtime.ts';
import type { Lifecycle } from '../instances/lifecycle.ts';
import type { LogKeeper } from '../instances/log-keeper.ts';
import type { InstanceRecord } from '../instances/record.ts';
import type { Registry } from '../instances/registry.ts';
import { knownLease } from '../instances/networks-of.ts';
import type { Runs } from '../instances/run.ts';
import type { NetworkCatalog } from '../networks/catalog.ts';
import { restartsWithDaemon, startsWithDaemon } from '../instances/restart-plan.ts';
import { planRecovery, type RecoveryAction } from './plan.ts';

export interface RecoveryParts {
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
  readonly runs: Runs;
  readonly network: Network;
  readonly catalog: Pick<NetworkCatalog, 'users' | 'damaged'>;
  readonly logs: LogKeeper;
  readonly bootId: string;
  readonly log: (message: string) => void;
}

/** What goes on once all else is in order. */
export interface Resumable {
  /** At rest, and wanted by their restart policies. */
  readonly startable: readonly string[];
  /** Their restart was cut short. */
  readonly restartable: readonly string[];
}

/** Takes over what the former daemon left: starts the network with the leases of what still runs, then carries the plan out. */
export async function recover(parts: RecoveryParts): Promise<Resumable> {
  const before = parts.registry.all();
  const actions = planRecovery(before, parts.bootId);
  const retries = new Retries((id, error) =>
    parts.log(`recovery of ${id.slice(0, 12)} failed, will be retried: ${messageOf(error)}`),
  );
  const adopted = actions.filter((action) => action.type === 'adopt').map(({ id }) => id);
  await parts.network.start(leasesOf(parts.registry, adopted), parts.catalog.users());
  await Promise.all(
    actions.map((action) =>
      carryOut(parts, action).catch((error: unknown) => {
        parts.log(`recovery of ${action.id.slice(0, 12)} failed, will be retried: ${messageOf(error)}`);
        retries.later(action.id, () => carryOutStill(parts, action, before));
      }),
    ),
  );
  const those = (wants: typeof startsWithDaemon): readonly string[] =>
    before.flatMap((record) => {
      const after = parts.registry.byId(record.config.id);
      return after !== null && wants(record, after) ? [record.config.id] : [];
    });
  return { startable: those(startsWithDaemon), restartable: those(restartsWithDaemon) };
}

function leasesOf(registry: Registry, ids: readonly string[]): Map<string, KnownLease> {
  const leases = new Map<string, KnownLease>();
  for (const id of ids) {
    const record = registry.byId(id);
    if (record?.lease) leases.set(id, knownLease(record.config, record.lease));
  }
  return leases;
}

/** Later, unless somebody has changed the instance since. */
async function carryOutStill(
  parts: RecoveryParts,
  action: RecoveryAction,
  before: readonly InstanceRecord[],
): Promise<void> {
  const record = parts.registry.byId(action.id);
  if (record !== null && before.includes(record)) await carryOut(parts, action);
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
      await know(parts, record);
      return parts.lifecycle.recoverInterrupted(action.id);
    case 'ended-with-host':
      return parts.lifecycle.recoverInterrupted(action.id);
  }
}

/** Lets the runtime know what there may be of a run, so that it can take it apart. */
async function know({ runs, log }: RecoveryParts, { config, lease }: InstanceRecord): Promise<void> {
  if (lease === null) return;
  try {
    await runs.runtimeOf(config).adopt(runs.bundle(config, await runs.root(config), lease));
  } catch (error) {
    log(`cannot adopt ${config.name}: ${messageOf(error)}`);
  }
}

async function adopt(parts: RecoveryParts, record: InstanceRecord): Promise<void> {
  const { registry, runs, lifecycle, logs, log } = parts;
  const { config, lease, status } = record;
  if (lease === null) return lifecycle.recoverInterrupted(config.id);
  const bundle = runs.bundle(config, await runs.root(config), lease);
  const runtime = runs.runtimeOf(config);
  const found = await runtime.adopt(bundle);
  log(`adopted ${config.name}: ${found.state}`);
  switch (found.state) {
    case 'running': {
      const { pid, pidStartTime } = found.started;
      // Held for a moment, as a commit does, by a daemon that ended meanwhile: whoever pauses for longer says so in the record.
      const heldOnly = found.paused === true && status.state === 'running' && isPausable(runtime);
      if (heldOnly) await runtime.resume(config.id);
      const paused = found.paused === true && !heldOnly;
      const running = registry.apply(config.id, { type: 'adopted', pid, pidStartTime, paused });
      logs.watch(running.config);
      lifecycle.watch(running);
      return;
    }
    case 'exited':
      lifecycle.watch(
        registry.apply(config.id, {
          ...{ type: 'adopted', pid: 0, pidStartTime: 0, paused: status.state === 'paused' },
        }),
      );
      return;
    case 'created':
    case 'gone':
      return lifecycle.recoverInterrupted(config.id);
  }
}
