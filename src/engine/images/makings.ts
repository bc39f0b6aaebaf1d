import { HullError } from '../../model/errors.ts';

/** Images that are being made: built, pulled, loaded, imported. Their layers are not yet an image's, so that nobody may tidy them away. */
export class Makings {
  readonly #running = new Set<Promise<unknown>>();
  #pruning: Promise<unknown> = Promise.resolve();

  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#pruning;
    const made = work();
    this.#running.add(made);
    try {
      return await made;
    } finally {
      this.#running.delete(made);
    }
  }

  /** Runs `work` while no image is being made; those asked for meanwhile wait. Rejects `wrong-state` when one is being made now. */
  async pause<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running.size > 0)
      throw new HullError(
        'wrong-state',
        'an image is being built, pulled or loaded; prune the build cache when that has finished',
      );
    const paused = work();
    this.#pruning = paused.catch(() => undefined);
    return await paused;
  }

  /** Resolves when no image is being made any more: those who asked for them have gone, and what was half done is undone. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}
