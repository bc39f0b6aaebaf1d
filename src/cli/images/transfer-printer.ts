import type { TransferMessage } from '../../../api/docker.ts';
import type { CliIo } from '../io.ts';
import { humanSize } from '../format/units.ts';
import { CommandFailure } from '../usage-error.ts';

const BAR = 30;

/**
 * Prints a transfer's messages as docker does: on a terminal a line for each layer that is rewritten in place, else every message but the
 * bytes. Throws `CommandFailure` for the message that says what went wrong.
 */
export async function printTransfer(
  io: CliIo,
  messages: AsyncIterable<TransferMessage>,
  { quiet = false, stream = 'stdout' }: { quiet?: boolean; stream?: 'stdout' | 'stderr' } = {},
): Promise<void> {
  const write = (text: string): void => (stream === 'stdout' ? io.out(text) : io.err(text));
  const lines = new LayerLines(write, io.isTty(stream));
  for await (const message of messages) {
    const error = message.errorDetail?.message ?? message.error;
    if (error !== undefined) throw new CommandFailure(1, error);
    if (!quiet) lines.print(message);
  }
}

class LayerLines {
  readonly #write: (text: string) => void;
  readonly #rewrite: boolean;
  /** How many lines from the top each layer's is. */
  readonly #places = new Map<string, number>();
  #count = 0;

  constructor(write: (text: string) => void, rewrite: boolean) {
    this.#write = write;
    this.#rewrite = rewrite;
  }

  print({ id, status, stream, progressDetail }: TransferMessage): void {
    if (stream !== undefined) return this.#plain(stream);
    if (status === undefined) return;
    const { current, total } = progressDetail ?? {};
    if (id === undefined || progressDetail === undefined)
      return this.#plain(`${id === undefined ? '' : `${id}: `}${status}\n`);
    if (!this.#rewrite) {
      if (current === undefined) this.#write(`${id}: ${status}\n`);
      return;
    }
    this.#place(id, `${id}: ${status}${current === undefined ? '' : ` ${bar(current, total ?? 0)}`}`);
  }

  #plain(text: string): void {
    this.#places.clear();
    this.#count = 0;
    this.#write(text);
  }

  #place(id: string, text: string): void {
    const place = this.#places.get(id);
    if (place === undefined) {
      this.#places.set(id, this.#count);
      this.#count += 1;
      this.#write(`${text}\n`);
      return;
    }
    const up = this.#count - place;
    this.#write(`\u001b[${up}A\r\u001b[2K${text}\u001b[${up}B\r`);
  }
}

function bar(current: number, total: number): string {
  if (total <= 0) return humanSize(current);
  const filled = Math.min(BAR, Math.floor((current / total) * BAR));
  return `[${'='.repeat(filled)}>${' '.repeat(BAR - filled)}] ${humanSize(current)}/${humanSize(total)}`;
}
