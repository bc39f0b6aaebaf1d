import { HullError, isHullError, toHullError } from '../../model/errors.ts';
import type { ExitStatus } from '../../model/instance.ts';
import type { NetworkLease } from '../../network/network.ts';
import type { Started, Stdio } from '../../runtime/runtime.ts';
import type { StepsListener } from '../api.ts';
import { NO_STDIO } from '../exec-stdio.ts';
import { Timings } from '../timings.ts';
import type { PendingAttachments } from './deferred-stdio.ts';
import { killedWhileStarting } from './endings.ts';
import type { Ender } from './ender.ts';
import type { FilesAtRest } from './files-at-rest.ts';
import type { LifecycleParts } from './lifecycle.ts';
import type { InstanceRecord } from './record.ts';

export interface StarterParts extends Pick<
  LifecycleParts,
  'registry' | 'runs' | 'logs' | 'waiters' | 'bootId' | 'debug'
> {
  readonly pending: PendingAttachments;
  readonly ender: Ender;
  readonly filesAtRest: Pick<FilesAtRest, 'has' | 'close'>;
}

export interface StartOptions {
  /** Counts of restarts go on. */
  readonly byPolicy: boolean;
  /** Should it fail, the network is left for another try. */
  readonly keepsNetwork?: boolean;
  /** By `makeAhead`. */
  readonly made?: Timings | null;
  readonly onSteps?: StepsListener | undefined;
}

/** Carries out a start: from a record at rest to a running workload, or back with nothing left behind. */
export class Starter {
  readonly #parts: StarterParts;
  /** Instances that were ended while they were being started, by which signal. */
  readonly #killed = new Map<string, number>();

  constructor(parts: StarterParts) {
    this.#parts = parts;
  }

  /** Resolves with the record of what runs. */
  async start(
    asked: InstanceRecord,
    { byPolicy, keepsNetwork = false, made = null, onSteps }: StartOptions,
  ): Promise<InstanceRecord> {
    const { registry, bootId, ender, filesAtRest } = this.#parts;
    const { id } = asked.config;
    if (filesAtRest.has(id)) await filesAtRest.close(id);
    if (ender.owes(id)) await this.#takeApart(asked);
    const record = registry.get(id);
    registry.apply(id, { type: 'starting', bootId, byPolicy });
    try {
      return await this.#attempt(record, made, onSteps).catch(async (error: unknown) => {
        // What an instance that has just gone held may be given back behind its answer.
        if (!mayBeGivenBack(error) || ender.idle) throw error;
        await ender.dismantle(registry.get(id));
        await ender.settled();
        return this.#attempt(record, null, onSteps);
      });
    } catch (thrown) {
      const signal = this.#killed.get(id);
      const error = signal === undefined ? toHullError(thrown) : killedWhileStarting(record, signal);
      await this.#failed(record, error, keepsNetwork).catch((why: unknown) => ender.owe(record, why));
      throw error;
    } finally {
      this.#killed.delete(id);
    }
  }

  /** Ends a start that is under way, without waiting for the boot: it fails. No effect on an instance that is not being started. */
  async cutShort(id: string, signal: number): Promise<void> {
    const { registry, runs } = this.#parts;
    const record = registry.byId(id);
    if (record?.status.state !== 'starting') return;
    this.#killed.set(id, signal);
    // Nobody's policy starts again what somebody killed.
    registry.apply(id, { type: 'killed' });
    await runs.runtimeOf(record.config).delete(id);
  }

  /** Makes a run that nobody has asked for yet. It leaves nothing when it fails. */
  async makeAhead(record: InstanceRecord): Promise<Timings> {
    const { registry, debug } = this.#parts;
    const { id, name } = record.config;
    const timings = new Timings();
    try {
      await this.#make(record, (lease) => void registry.apply(id, { type: 'attached', lease }), timings);
      debug(`made ${name} ahead: ${timings.toString()}`);
      return timings;
    } catch (error) {
      await this.unmake(registry.get(id));
      throw error;
    }
  }

  async unmake(record: InstanceRecord): Promise<void> {
    if (await this.#parts.ender.dismantle(record))
      this.#parts.registry.apply(record.config.id, { type: 'taken-apart' });
  }

  /** What the run before has left. */
  async #takeApart({ config }: InstanceRecord): Promise<void> {
    const { registry, ender } = this.#parts;
    await this.unmake(registry.get(config.id));
    if (ender.owes(config.id))
      throw new HullError(
        'start-failed',
        `what the last run of ${config.name} has left cannot be removed; the daemon's log says why, and it is tried again`,
      );
  }

  async #attempt(
    record: InstanceRecord,
    made: Timings | null,
    onSteps: StepsListener | undefined,
  ): Promise<InstanceRecord> {
    const { registry, runs, debug, pending } = this.#parts;
    const { id } = record.config;
    const timings = new Timings();
    const runtime = runs.runtimeOf(record.config);
    if (made === null)
      await this.#make(record, (lease) => void registry.apply(id, { type: 'attached', lease }), timings);
    this.#refuseKilled(record);
    const attach = (options: { stdin: boolean }): Promise<Stdio> => runtime.attach(id, options);
    await pending.connect(id, attach);
    timings.mark('attach');
    const started = await runtime.start(id);
    timings.mark('runtime start');
    // Those who came meanwhile. What has ended already has nothing for them.
    await pending.connect(id, (options) => attach(options).catch(() => NO_STDIO));
    this.#refuseKilled(record);
    debug(`started ${record.config.name}: ${timings.toString()}`);
    onSteps?.({ ahead: made?.steps ?? [], own: timings.steps });
    return this.#started(record, started);
  }

  async #make(
    record: InstanceRecord,
    onLease: (lease: NetworkLease) => void,
    timings: Timings,
  ): Promise<void> {
    const { runs } = this.#parts;
    const bundle = await runs.prepare(record.config, onLease, timings, record.lease);
    await runs.runtimeOf(record.config).create(bundle);
    timings.mark('runtime create');
  }

  /** A kill that came before there was anything to kill. */
  #refuseKilled(record: InstanceRecord): void {
    const signal = this.#killed.get(record.config.id);
    if (signal !== undefined) throw killedWhileStarting(record, signal);
  }

  #started(record: InstanceRecord, started: Started): InstanceRecord {
    const { registry, logs, ender } = this.#parts;
    const { pid, pidStartTime, startedAt } = started;
    const after = registry.apply(record.config.id, { type: 'started', pid, pidStartTime, startedAt });
    logs.watch(after.config);
    ender.event(after, 'start');
    return after;
  }

  async #failed(record: InstanceRecord, failure: HullError, keepsNetwork: boolean): Promise<void> {
    const { registry, waiters, pending, ender } = this.#parts;
    const { id } = record.config;
    pending.end(id);
    const failed = registry.get(id);
    const apart = await ender.dismantle(keepsNetwork ? { ...failed, lease: null } : failed);
    const given = failure.details['exitCode'];
    const exit: ExitStatus = {
      code: typeof given === 'number' ? given : 128,
      oomKilled: false,
      finishedAt: Date.now(),
    };
    const keepsLease = keepsNetwork || !apart;
    registry.apply(id, { type: 'start-failed', exit, error: failure.message, keepsLease });
    if (keepsNetwork) return;
    waiters.exited(id, exit);
    if (record.config.autoRemove) await ender.remove(registry.get(id), true);
  }
}

/** A port or an address that another instance holds. */
function mayBeGivenBack(error: unknown): boolean {
  return isHullError(error, 'port-in-use') || isHullError(error, 'network-forbidden');
}
