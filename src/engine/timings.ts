import type { StartStep } from './api.ts';

/** Where the time of one request goes: milliseconds from the beginning to each mark. */
export class Timings {
  readonly #start = performance.now();
  readonly #marks: StartStep[] = [];

  mark(step: string): void {
    this.#marks.push({ step, at: performance.now() - this.#start });
  }

  /** In the order in which they happened. */
  get steps(): readonly StartStep[] {
    return this.#marks;
  }

  /** `root 0.6 ms, network 0.7 ms, …`, in the order in which they happened. */
  toString(): string {
    return this.#marks.map(({ step, at }) => `${step} ${at.toFixed(1)} ms`).join(', ');
  }
}
