import { Alarms } from './alarms.ts';

/** Milliseconds: each wait is twice the one before. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 60_000;

/** Work that failed and has to be done all the same, retried with backoff until it succeeds. */
export class Retries {
  readonly #alarms = new Alarms();
  readonly #waits = new Map<string, number>();
  readonly #failed: (key: string, error: unknown) => void;
  #closed = false;

  /** `failed`: told of each try that failed. */
  constructor(failed: (key: string, error: unknown) => void) {
    this.#failed = failed;
  }

  /** Runs `work` later, and retries it with backoff for as long as it rejects. One piece of work per key. */
  later(key: string, work: () => Promise<void>): void {
    if (this.#closed) return;
    const wait = this.#waits.get(key) ?? FIRST_WAIT;
    this.#waits.set(key, Math.min(wait * 2, LONGEST_WAIT));
    this.#alarms.set(key, wait, () => void this.#try(key, work));
  }

  /** It is done, or nobody wants it any more. */
  forget(key: string): void {
    this.#alarms.cancel(key);
    this.#waits.delete(key);
  }

  /** Tries nothing any more. */
  close(): void {
    this.#closed = true;
    this.#alarms.cancelAll();
  }

  async #try(key: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#waits.delete(key);
    } catch (error) {
      this.#failed(key, error);
      this.later(key, work);
    }
  }
}
