import type { Host } from '../../host/host.ts';
import { Slots } from '../../lib/slots.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import { HullError, messageOf } from '../../model/errors.ts';
import type { ExitStatus, InstanceConfig, RestartPolicy } from '../../model/instance.ts';
import { startedAtOf } from '../../model/instance-status.ts';
import { RESTART_LABEL } from '../../model/labels.ts';
import { isPausable, type Pausable, type Runtime } from '../../runtime/runtime.ts';
import type { VolumeStore } from '../../storage/storage.ts';
import type { StepsListener } from '../api.ts';
import type { EventBus } from '../events.ts';
import type { HealthMonitor } from '../health/monitor.ts';
import { admitOrThrow } from './admission.ts';
import { PendingAttachments } from './deferred-stdio.ts';
import { Deliveries } from './deliveries.ts';
import { Ender, type StopEffects, type StopOptions } from './ender.ts';
import { unlessOver, within } from './endings.ts';
import { FilesAtRest } from './files-at-rest.ts';
import { HeadStarts, isWorthHeadStart } from './head-start.ts';
import type { LogKeeper } from './log-keeper.ts';
import { InstanceQueue } from './queue.ts';
import type { InstanceRecord } from './record.ts';
import type { Registry } from './registry.ts';
import { endedRun, planAfterRun } from './restart-plan.ts';
import { Restarter } from './restarter.ts';
import type { Runs } from './run.ts';
import { endsStart, signalNumber } from './signals.ts';
import { Starter } from './starter.ts';
import { watchTroubles } from './troubles.ts';
import type { Waiters } from './waiters.ts';

const SIGKILL = 9;
/** Seconds that a kill waits for the end, as Docker's does. */
const KILL_WAIT = 10;
/** When the daemon is back; apart from the starts by policy, for a stop may take its time. */
const RESTARTS_AT_ONCE = 4;
const NO_RESTART: RestartPolicy = { name: 'no', maximumRetryCount: 0 };

export interface LifecycleParts {
  readonly host: Host;
  readonly identity: EngineIdentity;
  readonly registry: Registry;
  readonly runs: Runs;
  readonly waiters: Waiters;
  readonly events: EventBus;
  readonly volumes: VolumeStore;
  readonly logs: LogKeeper;
  readonly health: HealthMonitor;
  readonly bootId: string;
  readonly log: (message: string) => void;
  readonly debug: (message: string) => void;
}

/**
 * Every change of state, one at a time per instance, by admission; `Starter` and `Ender` carry them out. The states are in `transition.ts`; each
 * transition that takes time is recorded before it begins, so that the next daemon can see and undo it.
 */
export class Lifecycle {
  readonly pending = new PendingAttachments();
  readonly deliveries = new Deliveries();
  readonly filesAtRest: FilesAtRest;
  readonly #parts: LifecycleParts;
  readonly #queue: InstanceQueue;
  readonly #ender: Ender;
  readonly #starter: Starter;
  readonly #headStarts: HeadStarts;
  readonly #restarter: Restarter;
  readonly #slots = new Slots(RESTARTS_AT_ONCE);

  constructor(parts: LifecycleParts) {
    this.#queue = new InstanceQueue(parts.log);
    const own = { ...parts, pending: this.pending, deliveries: this.deliveries, queue: this.#queue };
    this.#parts = parts;
    this.#ender = new Ender(own);
    this.filesAtRest = new FilesAtRest({
      ...parts,
      exclusively: (id, work) => this.#queue.run(id, work),
      get: (id) => parts.registry.get(id),
    });
    this.#starter = new Starter({ ...own, ender: this.#ender, filesAtRest: this.filesAtRest });
    const watch = (record: InstanceRecord): void => this.watch(record);
    this.#restarter = new Restarter({ ...own, starter: this.#starter, watch });
    this.#headStarts = new HeadStarts({
      exclusively: (id, work) => this.#queue.run(id, work),
      find: (id) => parts.registry.byId(id),
      make: (record) => this.#starter.makeAhead(record),
      unmake: (record) => this.#starter.unmake(record),
    });
    watchTroubles(parts, this.#ender);
    parts.health.onUnhealthy((record) => void this.#unhealthy(record));
  }

  /** False when it already runs. */
  start(id: string, onSteps?: StepsListener): Promise<boolean> {
    return this.#queue.run(id, async () => {
      const record = this.#current(id);
      if (!admitOrThrow('start', record)) return false;
      await this.begin(record, onSteps);
      return true;
    });
  }

  /** Of an instance that was just created: makes its run already, where its start is all but certain. */
  expectStart({ config }: InstanceRecord): void {
    if (isWorthHeadStart(config)) this.#headStarts.begin(config.id);
  }

  /** False when it did not run. */
  async stop(id: string, options: StopOptions = {}): Promise<boolean> {
    this.#hurry(id, options);
    return this.exclusively(id, async (record) => {
      if (!admitOrThrow('stop', record)) return false;
      await this.end(record, options);
      return true;
    });
  }

  async restart(id: string, options: StopOptions = {}): Promise<void> {
    this.#hurry(id, options);
    return this.exclusively(id, async (record) => {
      if (admitOrThrow('stop', record)) await this.#again(record, options);
      else if (admitOrThrow('start', record)) await this.begin(record);
      this.#ender.event(record, 'restart');
    });
  }

  /**
   * Signals are not queued, so that they reach an instance that is just being stopped. One that is being started (a VM takes seconds to boot) is
   * ended by a signal that ends programs: its own has not begun, and handles none. Other signals wait for it, lest they be lost. A kill, and
   * what ends a start, resolve when the end is on record.
   */
  async signal(id: string, signal: string): Promise<void> {
    const number = signalNumber(signal);
    const { config, status } = this.#current(id);
    if (status.state !== 'starting') return this.#signal(id, number);
    if (!endsStart(number, config)) return this.#queue.run(id, () => this.#signal(id, number));
    await this.#starter.cutShort(id, number);
    // The start records its end.
    await within(this.#queue.passed(id), KILL_WAIT);
  }

  pause(id: string): Promise<void> {
    return this.exclusively(id, async (record) => {
      admitOrThrow('pause', record);
      await this.#pausable(record).pause(id);
      this.#parts.health.forget(id);
      this.#ender.event(this.#parts.registry.apply(id, { type: 'paused' }), 'pause');
    });
  }

  unpause(id: string): Promise<void> {
    return this.exclusively(id, async (record) => {
      admitOrThrow('unpause', record);
      await this.#pausable(record).resume(id);
      const after = this.#parts.registry.apply(id, { type: 'resumed' });
      this.#parts.health.watch(after);
      this.#ender.event(after, 'unpause');
    });
  }

  async remove(id: string, options: { force?: boolean; volumes?: boolean } = {}): Promise<void> {
    if (options.force === true) this.#ender.hurry(id, 0);
    if (options.force === true)
      await Promise.all([this.#starter.cutShort(id, SIGKILL), this.filesAtRest.cutShort(id)]);
    return this.#queue.run(id, async () => {
      const record = this.#parts.registry.byId(id);
      if (record === null) return;
      admitOrThrow(options.force === true ? 'force-remove' : 'remove', record);
      this.#restarter.cancel(id);
      this.#headStarts.take(id);
      await this.filesAtRest.close(id, 0);
      await this.#ender.remove(record, options.volumes ?? false);
    });
  }

  /** Works on an instance while nobody else changes it. `work` gets it as it is by then. */
  exclusively<T>(id: string, work: (record: InstanceRecord) => Promise<T>): Promise<T> {
    return this.#queue.run(id, async () => {
      await this.#headStarts.drop(id);
      return work(this.#current(id));
    });
  }

  /** Starts what is at rest. For those who hold the instance. */
  async begin(record: InstanceRecord, onSteps?: StepsListener): Promise<void> {
    const made = this.#headStarts.take(record.config.id);
    this.watch(await this.#starter.start(record, { byPolicy: false, made, onSteps }));
  }

  /** Ends a run, or the wait for the next one. For those who hold the instance. */
  async end(record: InstanceRecord, options: StopOptions = {}, how: StopEffects = {}): Promise<void> {
    const { id } = record.config;
    this.#restarter.cancel(id);
    if (record.status.state !== 'restarting') return this.#ender.stop(record, options, how);
    this.#ender.event(this.#ender.rest(record), 'stop');
  }

  /**
   * A new run with another configuration in the place of the present one, for those who hold the instance: the network, whose ports are as they shall
   * be, goes from one to the other. When the new one does not start, the old one is started again.
   */
  async replace(id: string, config: InstanceConfig): Promise<void> {
    const { registry, log } = this.#parts;
    const before = this.#current(id);
    await this.#ender.stop(before, {}, { comesBack: true, keepsNetwork: true });
    registry.reconfigure(id, config);
    try {
      this.watch(await this.#starter.start(this.#current(id), { byPolicy: false, keepsNetwork: true }));
    } catch (error) {
      const restartPolicy = before.config.restartPolicy ?? NO_RESTART;
      const old = registry.reconfigure(id, { ...before.config, restartPolicy });
      await this.begin(old).catch((why: unknown) =>
        log(`rollback: start of ${old.config.name} with its old configuration failed: ${messageOf(why)}`),
      );
      throw error;
    }
    this.#ender.event(this.#current(id), 'update');
  }

  /** Watches a run, and its health, from now on. */
  watch(record: InstanceRecord): void {
    const runtime = this.#parts.runs.runtimeOf(record.config);
    const startedAt = startedAtOf(record.status);
    if (record.status.state === 'running') this.#parts.health.watch(record);
    const { id, name } = record.config;
    void runtime
      .wait(id)
      .then(async (exit) => {
        const ended = (): Promise<void> => this.#exited(id, startedAt, exit);
        // What cannot be recorded now has ended all the same.
        await this.#queue.run(id, ended).catch((error: unknown) => {
          this.#parts.log(`recording the exit of ${name} failed: ${messageOf(error)}`);
          this.#queue.later(id, 'recording the exit of', ended);
        });
      })
      .catch((error: unknown) =>
        this.#parts.log(`waiting for the exit of ${name} failed: ${messageOf(error)}`),
      );
  }

  /** For recovery: undoes what an earlier daemon left half done. */
  recoverInterrupted(id: string): Promise<void> {
    return this.#queue.run(id, () => this.#ender.undo(id));
  }

  /** Starts instances because their restart policy says so, a few at a time; one that fails is retried later. Resolves when each was tried. */
  startByPolicy(ids: readonly string[]): Promise<void> {
    return this.#restarter.startAll(ids);
  }

  /** For recovery: carries out restarts that were cut short, a few at a time. Resolves when each was tried. */
  async restartAll(ids: readonly string[]): Promise<void> {
    const failed = (error: unknown): void => this.#parts.log(`restart failed: ${messageOf(error)}`);
    await Promise.all(ids.map((id) => this.#slots.run(() => this.restart(id).catch(failed))));
  }

  /** Stops everything for the engine's own end: what the policies want to run, the next daemon starts again. */
  async stopAll(): Promise<void> {
    this.#restarter.close();
    await this.#headStarts.dropAll();
    const ids = this.#parts.registry.list().map(({ config }) => config.id);
    try {
      await Promise.all(ids.map((id) => this.#stopForEngine(id)));
    } catch (error) {
      // The engine stays.
      this.#restarter.open();
      throw error;
    }
    await this.settled();
  }

  /** Ends what only the daemon does. */
  close(): void {
    this.#queue.close();
    this.#restarter.close();
    this.#parts.health.stop();
  }

  /** Is a change of this instance under way? */
  busy(id: string): boolean {
    return this.#queue.busy(id);
  }

  /** Resolves when nothing goes on in the background any more. */
  settled(): Promise<void> {
    return this.#ender.settled();
  }

  event(record: InstanceRecord, action: string, more: Readonly<Record<string, string>> = {}): void {
    this.#ender.event(record, action, more);
  }

  #current(id: string): InstanceRecord {
    return this.#parts.registry.get(id);
  }

  /** A stop that is under way gives the workload no longer than this one would. */
  #hurry(id: string, { timeout }: StopOptions): void {
    this.#ender.hurry(id, timeout ?? this.#current(id).config.stopTimeout);
  }

  #pausable(record: InstanceRecord): Runtime & Pausable {
    const runtime = this.#parts.runs.runtimeOf(record.config);
    if (isPausable(runtime)) return runtime;
    throw new HullError(
      'not-supported',
      `instance ${record.config.name} cannot be paused: isolation '${record.config.isolation}' has no way to`,
    );
  }

  async #signal(id: string, number: number): Promise<void> {
    const { registry, runs, waiters } = this.#parts;
    const record = this.#current(id);
    admitOrThrow('signal', record);
    const ends = number === SIGKILL || number === signalNumber(record.config.stopSignal);
    if (record.status.state === 'restarting') {
      // One whose restart had its turn first is signalled as it runs.
      if (ends && !(await this.exclusively(id, async (waiting) => this.#calm(waiting))))
        await this.#signal(id, number);
      return;
    }
    const over = new AbortController();
    const exit = waiters.wait(id, 'exit', over.signal).catch(() => null);
    try {
      if (ends) registry.apply(id, { type: 'killed' });
      const runtime = runs.runtimeOf(record.config);
      await runtime.signal(id, number);
      // Whether its record says that it is paused or not: a commit may hold it.
      const passes = record.status.state === 'paused' ? unlessOver : (): void => undefined;
      if (ends && isPausable(runtime)) await runtime.resume(id).catch(passes);
      this.#ender.event(record, 'kill', { signal: String(number) });
      if (number === SIGKILL) await within(exit, KILL_WAIT);
    } finally {
      over.abort();
    }
  }

  /** Another run in the place of this one. */
  async #again(record: InstanceRecord, options: StopOptions = {}): Promise<void> {
    await this.end(record, options, { comesBack: true });
    await this.begin(this.#current(record.config.id));
  }

  /** False when it waits for no restart any more. */
  #calm(record: InstanceRecord): boolean {
    if (record.status.state !== 'restarting') return false;
    this.#restarter.cancel(record.config.id);
    this.#ender.rest(record);
    return true;
  }

  /** The run ended by itself: take it apart, unless a stop that holds the queue has done so. */
  async #exited(id: string, startedAt: number | null, exit: ExitStatus): Promise<void> {
    const record = this.#parts.registry.byId(id);
    const runs = record?.status.state === 'running' || record?.status.state === 'paused';
    if (record === null || !runs || startedAtOf(record.status) !== startedAt) return;
    // Its restart was cut short by the daemon's end, and is carried out again.
    const next = await this.#ender.finish(record, exit, { comesBack: record.comesBack ?? false });
    if (next.type === 'restart') this.#restarter.restartIn(id, next.delay);
  }

  async #stopForEngine(id: string): Promise<void> {
    this.#hurry(id, {});
    await this.#queue.run(id, async () => {
      const record = this.#parts.registry.byId(id);
      if (record === null || record.status.state === 'restarting') return;
      if (!admitOrThrow('stop', record)) return;
      const { registry } = this.#parts;
      const wanted = (by: InstanceRecord, exit: ExitStatus): boolean =>
        planAfterRun(endedRun(by, exit)).type === 'restart';
      // Already now: whoever ends the host may not wait until all have ended.
      const cutOff = { code: 255, oomKilled: false, finishedAt: Date.now() };
      await this.#ender.stop(record, {}, { comesBack: wanted(record, cutOff) });
      if (registry.byId(id) === null) return;
      // Nobody wanted its end for its own sake: what `on-failure` says of its status holds for the next daemon.
      const after = { ...registry.get(id), manuallyStopped: false };
      const { exit } = after.status;
      registry.apply(id, { type: 'put-off', comesBack: exit !== null && wanted(after, exit) });
    });
  }

  /** Where the user asked for it: a new run in the place of one that does not work. */
  async #unhealthy(record: InstanceRecord): Promise<void> {
    if (record.config.labels[RESTART_LABEL] !== 'true') return;
    const { id, name } = record.config;
    try {
      await this.exclusively(id, async (now) => {
        if (now.status.health?.status !== 'unhealthy' || now.status.state !== 'running') return;
        const { restartCount } = now.status;
        await this.#again(now);
        this.#parts.registry.apply(id, { type: 'replaced', restartCount: restartCount + 1 });
        this.#ender.event(this.#current(id), 'restart');
      });
    } catch (error) {
      this.#parts.log(`restart of ${name}, which is unhealthy, failed: ${messageOf(error)}`);
    }
  }
}
