import { within } from './endings.ts';

/** Seconds that the readers of a run's output have, once it is over, until its end is told all the same. */
const GRACE_PERIOD = 2;

/**
 * The order that clients rely on: all output, then the end on record, then the end of the streams. Those who are attached report here what
 * they have read, and whoever records the end waits for them.
 */
export class Deliveries {
  readonly #open = new Map<string, Set<Promise<void>>>();

  /** Somebody is attached to the instance's run; call the result when its output has been passed on whole, or it has left. */
  begin(id: string): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const open = this.#open.get(id) ?? new Set();
    this.#open.set(id, open.add(promise));
    return () => {
      open.delete(promise);
      if (open.size === 0 && this.#open.get(id) === open) this.#open.delete(id);
      resolve();
    };
  }

  /** Resolves when all who are attached have passed on the output, or their grace period is over: one of them may have stopped reading. */
  async whole(id: string): Promise<void> {
    const open = this.#open.get(id);
    if (open !== undefined) await within(Promise.all(open), GRACE_PERIOD);
  }
}
