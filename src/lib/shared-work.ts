interface Shared<T> {
  readonly result: Promise<T>;
  readonly stop: AbortController;
  waiting: number;
}

/** Work that several may ask for at the same time and that is done once for all of them. It ends when the last of them has gone. */
export class SharedWork<T> {
  readonly #running = new Map<string, Shared<T>>();

  /** Joins the work of this key that is under way, or begins it. Rejects with the signal's reason when the caller goes. */
  async run(key: string, work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const shared = this.#running.get(key) ?? this.#begin(key, work);
    const gone = Promise.withResolvers<never>();
    const leave = (): void => gone.reject(signal?.reason);
    signal?.addEventListener('abort', leave, { once: true });
    shared.waiting += 1;
    try {
      return await Promise.race([shared.result, gone.promise]);
    } finally {
      signal?.removeEventListener('abort', leave);
      shared.waiting -= 1;
      // Who comes from now on begins anew.
      if (shared.waiting === 0) {
        this.#forget(key, shared);
        shared.stop.abort();
      }
    }
  }

  #begin(key: string, work: (signal: AbortSignal) => Promise<T>): Shared<T> {
    const stop = new AbortController();
    const shared: Shared<T> = { result: work(stop.signal), stop, waiting: 0 };
    this.#running.set(key, shared);
    const over = (): void => this.#forget(key, shared);
    shared.result.then(over, over);
    return shared;
  }

  #forget(key: string, shared: Shared<T>): void {
    if (this.#running.get(key) === shared) this.#running.delete(key);
  }
}
