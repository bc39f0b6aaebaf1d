/** Milliseconds that one piece of work keeps the thread before others have their turn. */
const SLICE = 10;

/** Long work on the thread that serves everybody: it asks between its steps whether it is time to let others in. */
export class TimeSlice {
  #begun = performance.now();

  get over(): boolean {
    return performance.now() - this.#begun > SLICE;
  }

  /** Resolves when the others have had their turn. */
  async next(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#begun = performance.now();
  }
}
