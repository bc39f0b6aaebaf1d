import { KeyedLock } from '../../lib/keyed-lock.ts';
import { Retries } from '../../lib/retries.ts';
import { messageOf } from '../../model/errors.ts';

/**
 * A queue for each instance: one change at a time, first come first served; different instances never wait for each other. Work that has
 * to be done to an instance and failed is retried in a later turn.
 */
export class InstanceQueue {
  readonly #lock = new KeyedLock();
  readonly #retries: Retries;

  constructor(log: (message: string) => void) {
    this.#retries = new Retries((key, error) => log(`${key} failed, will be retried: ${messageOf(error)}`));
  }

  /** Works on an instance while nobody else changes it. */
  run<T>(id: string, work: () => Promise<T>): Promise<T> {
    return this.#lock.run(id, work);
  }

  /** Resolves when what was asked of an instance until now is done. */
  passed(id: string): Promise<void> {
    return this.#lock.run(id, () => Promise.resolve());
  }

  /** Is a change of this instance under way? */
  busy(id: string): boolean {
    return this.#lock.busy(id);
  }

  /** Runs `work` in a later turn, and retries it with backoff for as long as it rejects. `what`: says what it is, for the log; one of each kind per instance. */
  later(id: string, what: string, work: () => Promise<void>): void {
    this.#retries.later(`${what} ${id.slice(0, 12)}`, () => this.run(id, work));
  }

  /** Cancels all retries. */
  close(): void {
    this.#retries.close();
  }
}
