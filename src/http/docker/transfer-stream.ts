import { toHullError } from '../../model/errors.ts';
import type { TransferProgress } from '../../model/transfer.ts';
import type { Exchange, JsonSink } from '../exchange.ts';

/** Reports of bytes that wait for a slow client; more are left out, as the next one says the same better. */
const MOST_WAITING = 64;
const BAR = 50;
const LAYER = /^[0-9a-f]{12}$/;

/** Tells a transfer in Docker's JSON lines. The answer begins with the first of them: before it, an error still is a status. */
export class TransferStream {
  readonly #exchange: Exchange;
  #sink: JsonSink | null = null;
  #waiting = 0;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  progress(progress: TransferProgress): void {
    if (progress.current !== undefined && this.#waiting >= MOST_WAITING) return;
    this.write(progressLine(progress));
  }

  write(line: object): void {
    this.#sink ??= this.#exchange.openJson();
    this.#waiting += 1;
    void this.#sink.write(line).then(() => {
      this.#waiting -= 1;
    });
  }

  /** Runs the work that tells; ends the answer, with the error as its last line where it failed. */
  async around(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#sink ??= this.#exchange.openJson();
    } catch (error) {
      // Before the first line the request can still fail as HTTP does.
      if (this.#sink === null) throw error;
      this.write(errorLine(error));
    }
    this.#sink.end();
  }
}

/** The last line of a stream that broke off. */
export function errorLine(thrown: unknown, more: { readonly code?: number } = {}): object {
  const { message } = toHullError(thrown);
  return { errorDetail: { ...more, message }, error: message };
}

/** One line: layers always have `progressDetail`, empty where there is nothing to count. */
export function progressLine({ status, id, current, total }: TransferProgress): object {
  const detail =
    current === undefined ? (LAYER.test(id ?? '') ? { progressDetail: {} } : {}) : counted(current, total);
  return { status, ...detail, ...(id === undefined ? {} : { id }) };
}

function counted(current: number, total: number | undefined): object {
  return {
    progressDetail: { current, ...(total === undefined ? {} : { total }) },
    progress: progressBar(current, total ?? 0),
  };
}

/** `[=====>    ]  1.2MB/3MB`, as Docker draws it for clients that cannot. */
export function progressBar(current: number, total: number): string {
  const done = humanSize(current).padStart(8);
  if (total <= 0) return done;
  const filled = Math.min(BAR, Math.floor(Math.floor((current / total) * 100) / 2));
  const bar = `[${'='.repeat(filled)}>${' '.repeat(BAR - filled)}] `;
  return bar + (current > total ? done : `${done}/${humanSize(total)}`);
}

/** Four digits and a decimal unit (go-units, HumanSize). */
function humanSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${Number(value.toPrecision(4))}${units[unit]}`;
}
