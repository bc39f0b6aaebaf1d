import { KeyedLock } from '../../lib/keyed-lock.ts';
import { Retries } from '../../lib/retries.ts';
import { messageOf } from '../../model/errors.ts';

/**
 * The turns of instances: whoever changes one works alone on it, first come first served; different instances never wait for each other. What has
 * to be done to an instance and failed has its turn again in a while.
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

  /** Is a change of this instance under way? */
  busy(id: string): boolean {
    return this.#lock.busy(id);
  }

  /** Gives `work` a turn in a while, and again with backoff for as long as it rejects. `what`: says what it is, for the log; one of each kind per instance. */
  later(id: string, what: string, work: () => Promise<void>): void {
    this.#retries.later(`${what} ${id.slice(0, 12)}`, () => this.run(id, work));
  }

  /** Gives no turns to what is to be tried again. */
  close(): void {
    this.#retries.close();
  }
}
