import type { ProgressLine } from '../../../api/native.ts';
import type { CliIo } from '../io.ts';
import { humanSize } from './units.ts';

/** Prints progress lines to standard error: one line that is rewritten on a terminal, else a line for each new message. */
export class ProgressPrinter {
  readonly #io: CliIo;
  readonly #rewrite: boolean;
  #last = '';

  constructor(io: CliIo) {
    this.#io = io;
    this.#rewrite = io.isTty('stderr');
  }

  readonly print = (line: ProgressLine): void => {
    const text = this.#rewrite ? progressText(line) : `${line.phase}: ${line.message}`;
    if (text === this.#last) return;
    this.#last = text;
    this.#io.err(this.#rewrite ? `\r\u001b[K${text.slice(0, this.#width())}` : `${text}\n`);
  };

  /** Clears the rewritten line. */
  finish(): void {
    if (this.#rewrite && this.#last !== '') this.#io.err('\r\u001b[K');
    this.#last = '';
  }

  #width(): number {
    return Math.max(20, (this.#io.terminalSize()?.columns ?? 100) - 1);
  }
}

function progressText({ phase, message, current, total }: ProgressLine): string {
  if (current === undefined) return `${phase}: ${message}`;
  // Counts of things are small; bytes are not.
  const shown = (value: number) =>
    Math.max(current, total ?? 0) < 10_000 ? String(value) : humanSize(value, 3);
  return `${phase}: ${message} ${shown(current)}${total === undefined ? '' : `/${shown(total)}`}`;
}
