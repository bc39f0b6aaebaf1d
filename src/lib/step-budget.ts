import { HullError } from '../model/errors.ts';

/**
 * How much work somebody else's input may cost the thread that serves everybody: a step is a few nanoseconds. Shared by all that one request
 * makes, so that many small demands are bounded as one large one is.
 */
export class StepBudget {
  readonly #what: string;
  readonly #most: number;
  #left: number;

  /** `what`: the input that is judged, for the message; `most`: steps. */
  constructor(what: string, most: number) {
    this.#what = what;
    this.#most = most;
    this.#left = most;
  }

  /** Throws `invalid-argument` when the steps are used up. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0)
      throw new HullError(
        'invalid-argument',
        `${this.#what} takes more than ${this.#most} steps to evaluate`,
      );
  }

  /** The next piece of work begins with all steps. */
  refill(): void {
    this.#left = this.#most;
  }
}
