import type { Host } from '../../host/host.ts';
import { KeyedLock } from '../../lib/keyed-lock.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import { HullError, messageOf, toHullError } from '../../model/errors.ts';
import type { ExitStatus } from '../../model/instance.ts';
import type { Started } from '../../runtime/runtime.ts';
import type { VolumeStore } from '../../storage/storage.ts';
import type { EventBus } from '../events.ts';
import { Timings } from '../timings.ts';
import { admitOrThrow } from './admission.ts';
import { logFolderOf } from './bundle.ts';
import { PendingAttachments } from './deferred-stdio.ts';
import { instanceAttributes } from './attributes.ts';
import { interruptionOf, killedWhileStarting, runSeconds, within } from './endings.ts';
import type { LogKeeper } from './log-keeper.ts';
import { endpointsOf } from './networks-of.ts';
import type { InstanceRecord } from './record.ts';
import type { Registry } from './registry.ts';
import type { Runs } from './run.ts';
import { signalNumber } from './signals.ts';
import type { Waiters } from './waiters.ts';

const SIGKILL = 9;
/** Seconds that a killed workload may take to be gone. */
const KILL_PATIENCE = 30;

export interface LifecycleParts {
  readonly host: Host;
  readonly identity: EngineIdentity;
  readonly registry: Registry;
  readonly runs: Runs;
  readonly waiters: Waiters;
  readonly events: EventBus;
  readonly volumes: VolumeStore;
  readonly logs: LogKeeper;
  readonly bootId: string;
  readonly log: (message: string) => void;
  readonly debug: (message: string) => void;
}

/**
 * Carries out every change of state, one at a time per instance. The diagram is in `model/instance.ts`; each transition that takes time is
 * recorded before it begins, so that the next daemon can see and undo it.
 */
export class Lifecycle {
  readonly pending = new PendingAttachments();
  readonly #parts: LifecycleParts;
  readonly #queue = new KeyedLock();
  /** Instances that were killed while they were being started. */
  readonly #killed = new Set<string>();
  /** Clean-up of ended runs that goes on behind the answer. */
  readonly #background = new Set<Promise<void>>();

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
  }

  /** False when it already runs. */
  start(id: string): Promise<boolean> {
    return this.#queue.run(id, async () => {
      const record = this.#current(id);
      if (!admitOrThrow('start', record)) return false;
      await this.#start(record);
      return true;
    });
  }

  /** False when it did not run. `timeout`: seconds, -1 for ever. */
  stop(id: string, options: { timeout?: number; signal?: string } = {}): Promise<boolean> {
    return this.#queue.run(id, async () => {
      const record = this.#current(id);
      if (!admitOrThrow('stop', record)) return false;
      await this.#stop(record, options);
      return true;
    });
  }

  restart(id: string, options: { timeout?: number; signal?: string } = {}): Promise<void> {
    return this.#queue.run(id, async () => {
      const record = this.#current(id);
      if (admitOrThrow('stop', record)) {
        await this.#stop(record, options, { keep: true });
      }
      const stopped = this.#current(id);
      if (admitOrThrow('start', stopped)) await this.#start(stopped);
      this.#event(stopped, 'restart');
    });
  }

  /**
   * Signals are not queued, so that they reach an instance that is just being stopped; but one that is being started is waited for: a VM
   * takes seconds to boot, and what was sent meanwhile must not be lost.
   */
  async signal(id: string, signal: string): Promise<void> {
    const number = signalNumber(signal);
    if (this.#current(id).status.state !== 'starting') return this.#signal(id, number);
    if (number === SIGKILL) return this.#cutShort(id);
    return this.#queue.run(id, () => this.#signal(id, number));
  }

  async #signal(id: string, number: number): Promise<void> {
    const record = this.#current(id);
    admitOrThrow('signal', record);
    await this.#parts.runs.runtimeOf(record.config).signal(id, number);
    this.#event(record, 'kill', { signal: String(number) });
  }

  async remove(id: string, options: { force?: boolean; volumes?: boolean } = {}): Promise<void> {
    if (options.force === true) await this.#cutShort(id);
    return this.#queue.run(id, async () => {
      const record = this.#parts.registry.byId(id);
      if (record === null) return;
      const action = options.force === true ? 'force-remove' : 'remove';
      admitOrThrow(action, record);
      await this.#remove(record, options.volumes ?? false);
    });
  }

  /** Watches a run that an earlier daemon started. */
  watch(record: InstanceRecord): void {
    const runtime = this.#parts.runs.runtimeOf(record.config);
    const startedAt = record.status.startedAt;
    void runtime
      .wait(record.config.id)
      .then((exit) => this.#exited(record.config.id, startedAt, exit))
      .catch((error: unknown) => this.#parts.log(`watching ${record.config.name}: ${messageOf(error)}`));
  }

  /** For recovery: undoes what an earlier daemon left half done. */
  recoverInterrupted(id: string): Promise<void> {
    return this.#queue.run(id, async () => {
      const record = this.#parts.registry.byId(id);
      if (record === null) return;
      if (record.status.state === 'removing') return this.#remove(record, record.config.autoRemove);
      await this.#dismantle(record);
      const over = { endpoints: [], ports: [], pid: 0 };
      const exit = record.status.exit ?? { code: 255, oomKilled: false, finishedAt: Date.now() };
      const why = interruptionOf(record);
      // Where only the clean-up was cut short, the end is on record already.
      const end = why === null ? {} : { state: 'exited' as const, exit, error: why };
      this.#parts.registry.update(id, { lease: null }, { ...over, ...end });
      if (record.config.autoRemove) await this.#remove(this.#current(id), true);
    });
  }

  /** Is a change of this instance under way? */
  busy(id: string): boolean {
    return this.#queue.busy(id);
  }

  /** Resolves when nothing goes on in the background any more. */
  async settled(): Promise<void> {
    while (this.#background.size > 0) await Promise.allSettled(this.#background);
  }

  /** Ends a start that is under way, without waiting for the boot: it fails. No effect on an instance that is not being started. */
  async #cutShort(id: string): Promise<void> {
    const record = this.#parts.registry.byId(id);
    if (record?.status.state !== 'starting') return;
    this.#killed.add(id);
    await this.#parts.runs.runtimeOf(record.config).delete(id);
  }

  #current(id: string): InstanceRecord {
    return this.#parts.registry.get(id);
  }

  async #start(record: InstanceRecord): Promise<void> {
    const { registry, runs, bootId } = this.#parts;
    const { id } = record.config;
    const timings = new Timings();
    const runtime = runs.runtimeOf(record.config);
    registry.update(id, { bootId }, { state: 'starting', error: '' });
    try {
      const bundle = await runs.prepare(
        record.config,
        (lease) => void registry.update(id, { lease }, { endpoints: endpointsOf(lease), ports: lease.ports }),
        timings,
      );
      await runtime.create(bundle);
      this.#refuseKilled(record);
      timings.mark('runtime create');
      await this.pending.connect(id, (options) => runtime.attach(id, options));
      timings.mark('attach');
      const started = await runtime.start(id);
      timings.mark('runtime start');
      this.#started(record, started);
      this.#parts.debug(`started ${record.config.name}: ${timings.toString()}`);
    } catch (thrown) {
      const error = this.#killed.has(id) ? killedWhileStarting(record) : toHullError(thrown);
      await this.#startFailed(record, error);
      throw error;
    } finally {
      this.#killed.delete(id);
    }
  }

  /** A kill that came before there was anything to kill. */
  #refuseKilled(record: InstanceRecord): void {
    if (this.#killed.has(record.config.id)) throw killedWhileStarting(record);
  }

  #started(record: InstanceRecord, started: Started): void {
    const { pid, pidStartTime, startedAt } = started;
    const after = this.#parts.registry.update(
      record.config.id,
      { pidStartTime },
      { state: 'running', pid, startedAt, exit: null },
    );
    this.#parts.logs.watch(after.config.id);
    this.#event(after, 'start');
    this.watch(after);
  }

  async #startFailed(record: InstanceRecord, failure: HullError): Promise<void> {
    const { id } = record.config;
    this.pending.end(id);
    await this.#dismantle(this.#current(id));
    const given = failure.details['exitCode'];
    const exit: ExitStatus = {
      code: typeof given === 'number' ? given : 128,
      oomKilled: false,
      finishedAt: Date.now(),
    };
    // An instance that never ran stays `created`, as Docker leaves it.
    const state = record.status.state === 'exited' ? 'exited' : 'created';
    this.#parts.registry.update(
      id,
      { lease: null },
      { state, pid: 0, exit, error: failure.message, endpoints: [], ports: [] },
    );
    this.#parts.waiters.exited(id, exit);
    if (record.config.autoRemove) await this.#remove(this.#current(id), true);
  }

  async #stop(
    record: InstanceRecord,
    options: { timeout?: number; signal?: string },
    { keep = false } = {},
  ): Promise<void> {
    const { config } = record;
    const runtime = this.#parts.runs.runtimeOf(config);
    const signal = signalNumber(options.signal ?? config.stopSignal);
    const timeout = options.timeout ?? config.stopTimeout;
    this.#parts.registry.update(config.id, {}, { state: 'stopping' });
    const exit = runtime.wait(config.id);
    const quietly = async (number: number): Promise<void> => {
      // It may end between the look and the signal.
      await runtime.signal(config.id, number).catch(() => undefined);
    };
    await quietly(signal);
    let status = await within(exit, timeout);
    if (status === null) {
      await quietly(SIGKILL);
      status = await within(exit, KILL_PATIENCE);
    }
    if (status === null) {
      this.#parts.registry.update(config.id, {}, { state: 'running' });
      throw toHullError(
        new Error(`instance ${config.name} did not end within ${KILL_PATIENCE} seconds of SIGKILL`),
      );
    }
    await this.#finish(this.#current(config.id), status, { keep });
    if (!(config.autoRemove && !keep)) this.#event(record, 'stop');
  }

  /** The run ended by itself: take it apart, unless a stop that holds the queue has done so. */
  async #exited(id: string, startedAt: number | null, exit: ExitStatus): Promise<void> {
    await this.#queue.run(id, async () => {
      const record = this.#parts.registry.byId(id);
      if (record?.status.state === 'running' && record.status.startedAt === startedAt)
        await this.#finish(record, exit);
    });
  }

  /** Records the exit, tells everyone, then takes the run apart. */
  async #finish(record: InstanceRecord, exit: ExitStatus, { keep = false } = {}): Promise<void> {
    const { registry, waiters } = this.#parts;
    const { id, autoRemove } = record.config;
    const goes = autoRemove && !keep;
    this.pending.end(id);
    const after = registry.update(id, {}, { state: goes ? 'removing' : 'exited', pid: 0, exit });
    if (exit.oomKilled) this.#event(after, 'oom');
    this.#event(after, 'die', { exitCode: String(exit.code), execDuration: String(runSeconds(after)) });
    waiters.exited(id, exit);
    if (goes) return this.#removeHidden(after, true);
    await this.#dismantle(after);
    registry.update(id, { lease: null }, { endpoints: [], ports: [] });
  }

  async #remove(record: InstanceRecord, volumes: boolean): Promise<void> {
    const { registry, runs } = this.#parts;
    const { id } = record.config;
    if (record.status.state === 'running' || record.status.state === 'stopping') {
      const runtime = runs.runtimeOf(record.config);
      registry.update(id, {}, { state: 'stopping' });
      const exit = runtime.wait(id);
      await runtime.signal(id, SIGKILL, { all: true }).catch(() => undefined);
      const status = (await within(exit, KILL_PATIENCE)) ?? {
        code: 137,
        oomKilled: false,
        finishedAt: Date.now(),
      };
      this.#event(record, 'kill', { signal: String(SIGKILL) });
      this.#event(record, 'die', { exitCode: String(status.code) });
      this.#parts.waiters.exited(id, status);
    }
    const hidden = registry.update(id, {}, { state: 'removing', pid: 0 });
    await this.#removeHidden(hidden, volumes || record.config.autoRemove);
  }

  /** The record says `removing`: nobody sees it any more. What is left on the host goes now, and the row last. */
  async #removeHidden(record: InstanceRecord, volumes: boolean): Promise<void> {
    const { registry, runs, waiters, host, identity, logs } = this.#parts;
    const { config } = record;
    this.pending.end(config.id);
    logs.forget(config.id);
    this.#event(record, 'destroy');
    waiters.removed(config.id);
    await this.#inBackground(config.name, async () => {
      await runs.dismantle(config, record.lease);
      await runs.discard(config);
      await host.files.removeTree(logFolderOf(identity, config.id));
      registry.delete(config.id);
      if (volumes) await this.#removeAnonymousVolumes(record);
    });
  }

  async #removeAnonymousVolumes(record: InstanceRecord): Promise<void> {
    const { volumes, registry } = this.#parts;
    for (const mount of record.config.mounts) {
      const volume = mount.volume === undefined ? null : volumes.find(mount.volume);
      const shared = registry
        .all()
        .some((other) => other.config.mounts.some((used) => used.volume === mount.volume));
      if (volume?.anonymous === true && !shared) await volumes.remove(volume.name);
    }
  }

  async #dismantle(record: InstanceRecord): Promise<void> {
    await this.#inBackground(record.config.name, () =>
      this.#parts.runs.dismantle(record.config, record.lease),
    );
  }

  /** A clean-up that fails is told in the daemon's log and found by `hull check`; it never fails what the user asked for. */
  async #inBackground(name: string, work: () => Promise<void>): Promise<void> {
    const done = work().catch((error: unknown) =>
      this.#parts.log(`cleaning up ${name}: ${messageOf(error)}`),
    );
    this.#background.add(done);
    await done;
    this.#background.delete(done);
  }

  #event(record: InstanceRecord, action: string, more: Readonly<Record<string, string>> = {}): void {
    this.#parts.events.publish('container', action, record.config.id, {
      ...instanceAttributes(record),
      ...more,
    });
  }
}
