import { Alarms } from '../../lib/alarms.ts';
import type { KeyedLock } from '../../lib/keyed-lock.ts';
import { Slots } from '../../lib/slots.ts';
import { messageOf } from '../../model/errors.ts';
import type { InstanceRecord } from './record.ts';
import type { Registry } from './registry.ts';
import { endedRun, planAfterRun } from './restart-plan.ts';
import type { Starter } from './starter.ts';

/** Starts by restart policies at a time when the daemon comes back. */
const STARTS_AT_ONCE = 4;

export interface RestarterParts {
  readonly registry: Registry;
  readonly starter: Starter;
  /** By instance. */
  readonly queue: KeyedLock;
  /** Called with what runs. */
  readonly watch: (record: InstanceRecord) => void;
  readonly log: (message: string) => void;
}

/** Starts instances because their restart policies say so: in a while, or now that the daemon is back. */
export class Restarter {
  readonly #parts: RestarterParts;
  readonly #waiting = new Alarms();
  readonly #slots = new Slots(STARTS_AT_ONCE);

  constructor(parts: RestarterParts) {
    this.#parts = parts;
  }

  /** `delay`: milliseconds. */
  restartIn(id: string, delay: number): void {
    this.#waiting.set(id, delay, () => void this.#start(id));
  }

  cancel(id: string): void {
    this.#waiting.cancel(id);
  }

  cancelAll(): void {
    this.#waiting.cancelAll();
  }

  /** A few at a time; one that fails is tried again later, where its policy wants that. Resolves when each was tried. */
  async startAll(ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map((id) => this.#slots.run(() => this.#start(id))));
  }

  async #start(id: string): Promise<void> {
    const { registry, queue, starter, watch, log } = this.#parts;
    await queue.run(id, async () => {
      const record = registry.byId(id);
      if (record === null || !['restarting', 'exited', 'created'].includes(record.status.state)) return;
      try {
        watch(await starter.start(record, { byPolicy: true }));
      } catch (error) {
        log(`starting ${record.config.name} by its restart policy: ${messageOf(error)}`);
        this.#retryLater(id);
      }
    });
  }

  /** A start that failed counts as a run that ended at once. */
  #retryLater(id: string): void {
    const { registry } = this.#parts;
    const record = registry.byId(id);
    const exit = record?.status.exit ?? null;
    if (record === null || exit === null) return;
    const next = planAfterRun({ ...endedRun(record, exit), ranFor: 0 });
    if (next.type === 'rest') return;
    const restartCount = record.status.restartCount + 1;
    registry.update(id, { restartDelay: next.delay }, { state: 'restarting', restartCount });
    this.restartIn(id, next.delay);
  }
}
