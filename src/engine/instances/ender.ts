import { after } from '../../lib/timers.ts';
import { messageOf, toHullError } from '../../model/errors.ts';
import type { ExitStatus } from '../../model/instance.ts';
import { isAlive } from '../../model/instance-status.ts';
import { isPausable } from '../../runtime/runtime.ts';
import { instanceAttributes } from './attributes.ts';
import { logFolderOf } from './bundle.ts';
import type { PendingAttachments } from './deferred-stdio.ts';
import type { Deliveries } from './deliveries.ts';
import { interruptionOf, runSeconds, within } from './endings.ts';
import type { LifecycleParts } from './lifecycle.ts';
import type { InstanceQueue } from './queue.ts';
import type { InstanceRecord } from './record.ts';
import { type AfterRun, endedRun, planAfterRun } from './restart-plan.ts';
import { signalNumber } from './signals.ts';
import { removeUnlessKept } from '../volumes/removal.ts';

const SIGKILL = 9;
/** Seconds that a killed workload may take to be gone. */
const KILL_PATIENCE = 30;

export interface StopOptions {
  /** Seconds until it is killed; -1 waits for ever. */
  readonly timeout?: number;
  readonly signal?: string;
}

export interface StopEffects {
  /** Another run follows at once: it is not removed, though it is to be at its end. */
  readonly comesBack?: boolean;
  /** Its next run goes on with the network of this one. */
  readonly keepsNetwork?: boolean;
  /** The end is announced when the run has been cleaned up: together with the answer. */
  readonly toldLast?: boolean;
}

export interface EnderParts extends Pick<
  LifecycleParts,
  'host' | 'identity' | 'registry' | 'runs' | 'waiters' | 'events' | 'volumes' | 'logs' | 'health' | 'log'
> {
  readonly pending: PendingAttachments;
  readonly deliveries: Deliveries;
  readonly queue: InstanceQueue;
}

/** Carries out ends: of runs, and of instances. Whoever calls holds the instance's queue. */
export class Ender {
  readonly #parts: EnderParts;
  /** Clean-up of ended runs that goes on behind the answer. */
  readonly #background = new Set<Promise<boolean>>();
  /** Instances whose run is over and could not be cleaned up, or whose removal did not end. */
  readonly #owed = new Set<string>();
  /** Instances that are told to be gone, while their removal goes on. */
  readonly #gone = new Set<string>();
  /** By instance, while it is given time to end: what ends that time. */
  readonly #patience = new Map<string, () => void>();

  constructor(parts: EnderParts) {
    this.#parts = parts;
  }

  /** The stop signal, then SIGKILL after the timeout. The run is over and cleaned up when it resolves. */
  async stop(record: InstanceRecord, options: StopOptions, how: StopEffects = {}): Promise<void> {
    const { registry } = this.#parts;
    const { config } = record;
    const signal = signalNumber(options.signal ?? config.stopSignal);
    registry.apply(config.id, { type: 'stopping', comesBack: how.comesBack ?? false });
    const status = await this.#end(record, signal, options.timeout ?? config.stopTimeout);
    if (status === null) {
      registry.apply(config.id, { type: 'outlived' });
      throw toHullError(
        new Error(`instance ${config.name} did not end within ${KILL_PATIENCE} seconds of SIGKILL`),
      );
    }
    // As Docker, whose answer comes right behind the event: Compose 2 fails when what it stops has ended long before the answer says so.
    await this.finish(registry.get(config.id), status, { ...how, toldLast: true });
    if (!(config.autoRemove && how.comesBack !== true)) this.event(record, 'stop');
  }

  /** Somebody else wants the end as well: a stop that is under way gives no more than so many seconds from now. -1 asks for nothing. */
  hurry(id: string, seconds: number): void {
    const end = this.#patience.get(id);
    if (end !== undefined && seconds >= 0) after(seconds * 1000, end);
  }

  /** Of an instance that waits for its restart: it waits no more. */
  rest(record: InstanceRecord): InstanceRecord {
    const { registry, waiters } = this.#parts;
    const { id } = record.config;
    const after = registry.apply(id, { type: 'rested' });
    if (after.status.exit !== null) waiters.exited(id, after.status.exit);
    return after;
  }

  /** Records the exit, tells everyone, then takes the run apart. Says what the restart policy wants. */
  async finish(record: InstanceRecord, exit: ExitStatus, how: StopEffects = {}): Promise<AfterRun> {
    const { registry, waiters, pending, deliveries, health } = this.#parts;
    const { id, autoRemove } = record.config;
    pending.end(id);
    await deliveries.whole(id);
    const goes = autoRemove && how.comesBack !== true;
    const next = planAfterRun(endedRun(record, exit));
    health.forget(id);
    const after = registry.apply(id, { type: 'ended', exit, comesBack: how.comesBack ?? false });
    const tell = (): void => {
      if (exit.oomKilled) this.event(after, 'oom');
      this.#died(after, exit);
    };
    const last = how.toldLast === true && !goes;
    if (!last) tell();
    waiters.exited(id, exit);
    const taken = last ? tell : undefined;
    if (goes) await this.#removeHidden(after, true);
    else if (how.keepsNetwork === true) await this.dismantle({ ...after, lease: null }, taken);
    else if (await this.dismantle(after, taken)) registry.apply(id, { type: 'taken-apart' });
    return next;
  }

  /** Of an instance that nobody works on: what is half done goes. */
  async undo(id: string): Promise<void> {
    const { registry } = this.#parts;
    const record = registry.byId(id);
    if (record === null) return;
    if (record.status.state === 'removing') return this.remove(record, record.config.autoRemove);
    const apart = await this.dismantle(record);
    // Where only the clean-up was cut short, the end is on record already.
    const error = interruptionOf(record);
    const at = Date.now();
    if (error !== null) registry.apply(id, { type: 'interrupted', error, at, keepsLease: !apart });
    else if (apart) registry.apply(id, { type: 'taken-apart' });
    const ran = record.status.state !== 'created';
    if (ran && record.config.autoRemove) await this.remove(registry.get(id), true);
  }

  /** In every state; a run is killed. */
  async remove(record: InstanceRecord, volumes: boolean): Promise<void> {
    const { registry, waiters, deliveries, health } = this.#parts;
    const { id } = record.config;
    health.forget(id);
    let exit: ExitStatus | null = null;
    if (isAlive(record.status)) {
      registry.apply(id, { type: 'stopping', comesBack: false });
      const killed = { code: 137, oomKilled: false, finishedAt: Date.now() };
      exit = (await this.#end(record, SIGKILL, KILL_PATIENCE)) ?? killed;
      await deliveries.whole(id);
    }
    const hidden = registry.apply(id, { type: 'removing', exit });
    if (exit !== null) {
      this.#died(hidden, exit);
      waiters.exited(id, exit);
    }
    await this.#removeHidden(hidden, volumes || record.config.autoRemove);
  }

  /** False when something of the run is left: it is retried later. `taken`: see `Runs.dismantle`. */
  async dismantle({ config, lease }: InstanceRecord, taken?: () => void): Promise<boolean> {
    return await this.#inBackground({ config }, () => this.#parts.runs.dismantle(config, lease, taken));
  }

  /** What went wrong with the instance leaves something to be cleaned up, with backoff until it is. */
  owe({ config }: Pick<InstanceRecord, 'config'>, why: unknown): void {
    this.#parts.log(`cleanup of ${config.name} failed: ${messageOf(why)}`);
    this.#owed.add(config.id);
    this.#parts.queue.later(config.id, 'cleanup of', async () => {
      const status = this.#parts.registry.byId(config.id)?.status;
      if (status !== undefined && !isAlive(status) && this.owes(config.id)) await this.undo(config.id);
    });
  }

  /** Is something of it left that should be gone? */
  owes(id: string): boolean {
    return this.#owed.has(id);
  }

  /** Does nothing go on in the background? */
  get idle(): boolean {
    return this.#background.size === 0;
  }

  /** Resolves when nothing goes on in the background any more. */
  async settled(): Promise<void> {
    while (this.#background.size > 0) await Promise.allSettled(this.#background);
  }

  event(record: InstanceRecord, action: string, more: Readonly<Record<string, string>> = {}): void {
    this.#parts.events.publish('container', action, record.config.id, {
      ...instanceAttributes(record),
      ...more,
    });
  }

  /** Signals until it has ended; null when even SIGKILL did not help in time. */
  async #end(record: InstanceRecord, signal: number, timeout: number): Promise<ExitStatus | null> {
    const { id } = record.config;
    const runtime = this.#parts.runs.runtimeOf(record.config);
    const exit = runtime.wait(id);
    const send = async (number: number): Promise<void> => {
      this.event(record, 'kill', { signal: String(number) });
      // It may end between the look and the signal.
      await runtime.signal(id, number, { all: number === SIGKILL }).catch(() => undefined);
      // Whether its record says that it is paused or not: a commit may hold it.
      if (isPausable(runtime)) await runtime.resume(id).catch(() => undefined);
    };
    // The time that it is given begins now: a guest that hangs takes no signal, and half a minute to fail.
    void send(signal);
    // Nothing stronger follows on SIGKILL: that it is to be killed at once is no reason to give up at once.
    if (signal === SIGKILL) return within(exit, timeout >= 0 ? Math.max(timeout, KILL_PATIENCE) : timeout);
    const status = await this.#patiently(id, exit, timeout);
    if (status !== null) return status;
    void send(SIGKILL);
    return within(exit, KILL_PATIENCE);
  }

  async #patiently(id: string, exit: Promise<ExitStatus>, seconds: number): Promise<ExitStatus | null> {
    const { promise: hurried, resolve } = Promise.withResolvers<null>();
    this.#patience.set(id, () => resolve(null));
    try {
      return await within(Promise.race([exit, hurried]), seconds);
    } finally {
      this.#patience.delete(id);
    }
  }

  #died(after: InstanceRecord, exit: ExitStatus): void {
    this.event(after, 'die', { execDuration: String(runSeconds(after)), exitCode: String(exit.code) });
    if (after.lease !== null) this.#parts.runs.disconnected(after.config, after.lease);
  }

  /** The record says `removing`: nobody sees it any more. What is left on the host goes now, and the row last. */
  async #removeHidden(record: InstanceRecord, volumes: boolean): Promise<void> {
    const { registry, runs, waiters, host, identity, logs, pending } = this.#parts;
    const { config } = record;
    pending.end(config.id);
    logs.forget(config.id);
    const told = (): void => {
      // One whose clean-up is retried has gone for all others.
      if (this.#gone.has(config.id)) return;
      this.#gone.add(config.id);
      this.event(record, 'destroy');
      waiters.removed(config.id);
    };
    // Those who wait may look for the volumes at once; for all else nobody has to wait.
    const going = volumes ? this.#anonymousVolumes(record) : [];
    if (going.length === 0) told();
    await this.#inBackground({ config }, async () => {
      try {
        await runs.dismantle(config, record.lease);
        for (const name of going) await removeUnlessKept(this.#parts.volumes, name);
      } finally {
        if (going.length > 0) told();
      }
      await runs.discard(config);
      await host.files.removeTree(logFolderOf(identity, config.id));
      registry.delete(config.id);
      this.#gone.delete(config.id);
    });
  }

  /** Its own that no other instance uses. */
  #anonymousVolumes(record: InstanceRecord): readonly string[] {
    const { volumes, registry } = this.#parts;
    const others = registry.all().filter((other) => other.config.id !== record.config.id);
    const used = new Set(others.flatMap((other) => other.config.mounts.map(({ volume }) => volume)));
    return record.config.mounts.flatMap(({ volume }) =>
      volume !== undefined &&
      volumes.find(volume)?.anonymous === true &&
      !used.has(volume) &&
      registry.damaged.naming(volume) === null
        ? [volume]
        : [],
    );
  }

  /** A clean-up that fails is told in the daemon's log, found by `hull check`, and retried; it never fails what the user asked for. */
  async #inBackground(record: Pick<InstanceRecord, 'config'>, work: () => Promise<void>): Promise<boolean> {
    const done = work().then(
      () => {
        this.#owed.delete(record.config.id);
        return true;
      },
      (why: unknown) => {
        this.owe(record, why);
        return false;
      },
    );
    this.#background.add(done);
    try {
      return await done;
    } finally {
      this.#background.delete(done);
    }
  }
}
