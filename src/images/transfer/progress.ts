import type { TransferProgress } from '../../model/transfer.ts';

/** Milliseconds between two reports of the same thing. */
const INTERVAL = 100;

/** Tells how many bytes are done: not more often than anybody can read, and always the last. */
export class BytesProgress {
  readonly #status: string;
  readonly #total: number;
  readonly #say: (progress: Omit<TransferProgress, 'id'>) => void;
  readonly #now: () => number;
  #last = Number.NEGATIVE_INFINITY;

  constructor(
    status: string,
    total: number,
    say: (progress: Omit<TransferProgress, 'id'>) => void,
    now: () => number = performance.now.bind(performance),
  ) {
    this.#status = status;
    this.#total = total;
    this.#say = say;
    this.#now = now;
  }

  at(bytes: number): void {
    const now = this.#now();
    if (bytes < this.#total && now - this.#last < INTERVAL) return;
    this.#last = now;
    this.#say({ status: this.#status, current: bytes, total: this.#total });
  }
}
