/**
 * Undo of a multi-step change. Register each step's undo as it is done; what is not committed is undone in reverse order.
 *
 * ```
 * await using undo = new Rollback();
 * await makeBridge();
 * undo.defer('remove bridge', () => removeBridge());
 * await makeRules();          // throws: the bridge is removed
 * undo.commit();
 * ```
 * Each undo runs on its own time limit, never on the aborted request's signal; failures are collected, not thrown over each other.
 */
export class Rollback implements AsyncDisposable {
  #steps: { name: string; undo: () => void | Promise<void> }[] = [];
  readonly #timeout: number;

  /** `timeout`: milliseconds for each undo step. */
  constructor(options: { timeout?: number } = {}) {
    this.#timeout = options.timeout ?? 10_000;
  }

  defer(name: string, undo: () => void | Promise<void>): void {
    this.#steps.push({ name, undo });
  }

  /** The change is done: nothing will be undone. */
  commit(): void {
    this.#steps = [];
  }

  /** Undoes now. Rejects with an AggregateError of what could not be undone, after trying everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: Error[] = [];
    for (const step of this.#steps.splice(0).toReversed()) {
      try {
        await withTimeout(Promise.resolve().then(step.undo), this.#timeout, step.name);
      } catch (error) {
        failures.push(
          new Error(`cannot ${step.name}: ${error instanceof Error ? error.message : String(error)}`, {
            cause: error,
          }),
        );
      }
    }
    if (failures.length > 0)
      throw new AggregateError(failures, failures.map((failure) => failure.message).join('; '));
  }
}

/** Rejects when `promise` takes longer than `milliseconds`. */
export async function withTimeout<T>(promise: Promise<T>, milliseconds: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
