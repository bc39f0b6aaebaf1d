/** Calls `tidy` once each time that things have been quiet for a while after something happened. */
export class Idle {
  readonly #tidy: () => void;
  readonly #quiet: number;
  #last = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** `quiet`: milliseconds. */
  constructor(tidy: () => void, quiet: number) {
    this.#tidy = tidy;
    this.#quiet = quiet;
  }

  /** Something happens. Cheap: at most one timer is set. */
  touch(): void {
    this.#last = Date.now();
    if (this.#timer === null) this.#timer = this.#wait(this.#quiet);
  }

  #wait(milliseconds: number): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => this.#look(), milliseconds);
    timer.unref();
    return timer;
  }

  #look(): void {
    const rest = this.#last + this.#quiet - Date.now();
    this.#timer = rest > 0 ? this.#wait(rest) : null;
    if (rest <= 0) this.#tidy();
  }
}
