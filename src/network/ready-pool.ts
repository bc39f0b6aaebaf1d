import { toHullError } from '../model/errors.ts';

export interface PoolSettings {
  /** Ready ones kept while idle. */
  readonly idle: number;
  /** Never more than this many ready. */
  readonly most: number;
  /** Milliseconds without a taker after which the pool halves. */
  readonly shrinkAfter: number;
  /** Milliseconds between a taker and the refill, so that the refill does not compete with the instance that just starts. */
  readonly refillDelay: number;
}

const POOL_DEFAULTS: PoolSettings = { idle: 4, most: 64, shrinkAfter: 30_000, refillDelay: 60 };
/** Made at a time. */
const BATCH = 32;

interface Maker<T> {
  create(count: number): Promise<T[]>;
  discard(ready: readonly T[]): void;
}

interface Waiter<T> {
  readonly resolve: (ready: T) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Things made ahead. The wanted number doubles whenever a taker finds the pool empty and halves after a while without takers; an idle pool of
 * the smallest size has no timer and uses no CPU. Each is handed out once and never comes back.
 */
export class ReadyPool<T> {
  readonly #maker: Maker<T>;
  readonly #settings: PoolSettings;
  readonly #ready: T[] = [];
  readonly #waiters: Waiter<T>[] = [];
  #wanted: number;
  #closed = false;
  #filling: Promise<void> | null = null;
  #refillTimer: ReturnType<typeof setTimeout> | undefined;
  #shrinkTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(maker: Maker<T>, settings: Partial<PoolSettings> = {}) {
    this.#maker = maker;
    this.#settings = { ...POOL_DEFAULTS, ...settings };
    this.#wanted = this.#settings.idle;
  }

  /** Ready ones now; for the inventory. */
  get ready(): readonly T[] {
    return this.#ready;
  }

  /** Begins to fill, in the background. */
  open(): void {
    this.#fill();
  }

  /** At once where one is ready, else after the next batch. Rejects with what kept the batch from being made. */
  take(): Promise<T> {
    this.#shrinkLater();
    const [ready] = this.#ready.splice(0, 1);
    if (ready !== undefined) {
      if (this.#ready.length <= this.#wanted / 2) this.#refillLater();
      return Promise.resolve(ready);
    }
    this.#wanted = Math.min(this.#settings.most, this.#wanted * 2);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiters.push({ resolve, reject });
    this.#fill();
    return promise;
  }

  /** Stops making, and discards what is ready. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#refillTimer);
    clearTimeout(this.#shrinkTimer);
    await this.#filling;
    this.#maker.discard(this.#ready.splice(0));
  }

  #refillLater(): void {
    this.#refillTimer ??= setTimeout(() => {
      this.#refillTimer = undefined;
      this.#fill();
    }, this.#settings.refillDelay);
  }

  #fill(): void {
    this.#filling ??= this.#run().finally(() => {
      this.#filling = null;
      // A taker may have come between the last look and now.
      if (this.#waiters.length > 0) this.#fill();
    });
  }

  async #run(): Promise<void> {
    for (let missing = this.#missing(); missing > 0; missing = this.#missing()) {
      try {
        this.#hand(await this.#maker.create(Math.min(BATCH, missing)));
      } catch (error) {
        // Without takers nobody needs to know now: the next taker tries again and is told.
        for (const waiter of this.#waiters.splice(0)) waiter.reject(toHullError(error));
        return;
      }
    }
  }

  #missing(): number {
    return this.#waiters.length + (this.#closed ? 0 : Math.max(0, this.#wanted - this.#ready.length));
  }

  #hand(made: readonly T[]): void {
    for (const each of made) {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) this.#ready.push(each);
      else waiter.resolve(each);
    }
  }

  #shrinkLater(): void {
    clearTimeout(this.#shrinkTimer);
    this.#shrinkTimer = setTimeout(() => {
      this.#wanted = Math.max(this.#settings.idle, Math.floor(this.#wanted / 2));
      this.#maker.discard(this.#ready.splice(this.#wanted));
      if (this.#wanted > this.#settings.idle) this.#shrinkLater();
    }, this.#settings.shrinkAfter);
    this.#shrinkTimer.unref();
  }
}
