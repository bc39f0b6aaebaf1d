/** Work to be done later, one piece per key: a new one takes the place of the old one. */
export class Alarms {
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  /** `delay`: milliseconds. */
  set(key: string, delay: number, work: () => void): void {
    this.cancel(key);
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      work();
    }, delay);
    this.#timers.set(key, timer);
  }

  cancel(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }

  cancelAll(): void {
    for (const key of [...this.#timers.keys()]) this.cancel(key);
  }
}
