import { Alarms } from '../../lib/alarms.ts';
import { Slots } from '../../lib/slots.ts';
import { messageOf } from '../../model/errors.ts';
import { startedAtOf } from '../../model/instance-status.ts';
import type { InstanceQueue } from './queue.ts';
import type { InstanceRecord } from './record.ts';
import type { Registry } from './registry.ts';
import { endedRun, planAfterRun } from './restart-plan.ts';
import type { Starter } from './starter.ts';

/** Starts by restart policies at a time when the daemon comes back. */
const STARTS_AT_ONCE = 4;
/** Milliseconds until a start is retried whose failure could not be recorded. */
const UNRECORDED_WAIT = 1000;

export interface RestarterParts {
  readonly registry: Registry;
  readonly starter: Starter;
  readonly queue: InstanceQueue;
  /** Called with what runs. */
  readonly watch: (record: InstanceRecord) => void;
  readonly log: (message: string) => void;
}

/** Starts instances because their restart policies say so: after a backoff, or now that the daemon is back. */
export class Restarter {
  readonly #parts: RestarterParts;
  readonly #waiting = new Alarms();
  readonly #slots = new Slots(STARTS_AT_ONCE);
  #closed = false;

  constructor(parts: RestarterParts) {
    this.#parts = parts;
  }

  /** `delay`: milliseconds. */
  restartIn(id: string, delay: number): void {
    if (this.#closed) return;
    this.#waiting.set(id, delay, () => void this.#start(this.#parts.registry.byId(id)));
  }

  cancel(id: string): void {
    this.#waiting.cancel(id);
  }

  /** Starts nothing more, not even what has its turn still before it: the records say who waits. */
  close(): void {
    this.#closed = true;
    this.#waiting.cancelAll();
  }

  /** Goes on after all. */
  open(): void {
    this.#closed = false;
    for (const { config, status, restartDelay } of this.#parts.registry.list())
      if (status.state === 'restarting') this.restartIn(config.id, restartDelay ?? 0);
  }

  /** A few at a time; one that fails is retried later, where its policy wants that. Resolves when each was tried. */
  async startAll(ids: readonly string[]): Promise<void> {
    const asked = ids.map((id) => this.#parts.registry.byId(id));
    await Promise.all(asked.map((record) => this.#slots.run(() => this.#start(record))));
  }

  /** `asked`: as it was when its start was decided. Who has been stopped, started or killed since is left as somebody wants it. */
  async #start(asked: InstanceRecord | null): Promise<void> {
    if (asked === null) return;
    const { registry, queue, starter, watch, log } = this.#parts;
    const { id } = asked.config;
    await queue.run(id, async () => {
      const record = registry.byId(id);
      if (this.#closed || record === null || !restsStill(asked, record)) return;
      try {
        watch(await starter.start(record, { byPolicy: true }));
      } catch (error) {
        log(`restart of ${record.config.name} by its policy failed: ${messageOf(error)}`);
        this.#retryLater(id);
      }
    });
  }

  /** A start that failed counts as a run that ended at once. One whose failure cannot be recorded is retried all the same. */
  #retryLater(id: string): void {
    try {
      this.#planRetry(id);
    } catch (error) {
      this.#parts.log(`recording the failed start of ${id.slice(0, 12)} failed: ${messageOf(error)}`);
      this.restartIn(id, UNRECORDED_WAIT);
    }
  }

  #planRetry(id: string): void {
    const { registry } = this.#parts;
    const record = registry.byId(id);
    const exit = record?.status.exit ?? null;
    if (record === null || exit === null) return;
    const next = planAfterRun({ ...endedRun(record, exit), ranFor: 0 });
    if (next.type === 'rest') return;
    registry.apply(id, { type: 'retry', delay: next.delay });
    this.restartIn(id, next.delay);
  }
}

function restsStill({ status, manuallyStopped }: InstanceRecord, now: InstanceRecord): boolean {
  return (
    ['restarting', 'exited', 'created', 'starting'].includes(now.status.state) &&
    now.status.state === status.state &&
    startedAtOf(now.status) === startedAtOf(status) &&
    now.manuallyStopped === manuallyStopped
  );
}
