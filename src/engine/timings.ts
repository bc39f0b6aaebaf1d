/** Where the time of one request goes: milliseconds from the beginning to each mark. */
export class Timings {
  readonly #start = performance.now();
  readonly #marks: { readonly step: string; readonly at: number }[] = [];

  mark(step: string): void {
    this.#marks.push({ step, at: performance.now() - this.#start });
  }

  /** In the order in which they happened. */
  get marks(): readonly { readonly step: string; readonly at: number }[] {
    return this.#marks;
  }
}
