import { after } from './timers.ts';

/** Work to be done later, one piece per key: a new one takes the place of the old one. */
export class Alarms {
  readonly #timers = new Map<string, Disposable>();

  /** `delay`: milliseconds. */
  set(key: string, delay: number, work: () => void): void {
    this.cancel(key);
    const timer = after(delay, () => {
      this.#timers.delete(key);
      work();
    });
    this.#timers.set(key, timer);
  }

  cancel(key: string): void {
    this.#timers.get(key)?.[Symbol.dispose]();
    this.#timers.delete(key);
  }

  cancelAll(): void {
    for (const key of [...this.#timers.keys()]) this.cancel(key);
  }
}
