const MOST_LINES = 40;
const LONGEST_LINE = 500;

/** The last lines that a command printed, in bounded memory. */
export class OutputTail {
  #lines: string[] = [];
  #open = '';

  add(text: string): void {
    const parts = (this.#open + text).split('\n');
    this.#open = (parts.pop() ?? '').slice(-LONGEST_LINE);
    this.#lines = [...this.#lines, ...parts.slice(-MOST_LINES)].slice(-MOST_LINES);
  }

  /** At most 40 lines of at most 500 characters, carriage returns played out. */
  lines(): readonly string[] {
    const all = this.#open === '' ? this.#lines : [...this.#lines, this.#open];
    return all
      .slice(-MOST_LINES)
      .map((line) => (line.replace(/\r$/u, '').split('\r').at(-1) ?? '').slice(-LONGEST_LINE));
  }
}
