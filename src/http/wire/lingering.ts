/** How long, and how much, is read from a client that still sends after its answer: it may read only when it has sent all. */
const TOTAL_TIME = 30_000;
const IDLE_TIME = 2_000;
const MAX_BYTES = 512 * 1024 * 1024;

/** The end of a connection: what still comes is dropped until the client ends its direction too, or has had enough time. */
export class Lingering {
  readonly #close: () => void;
  #deadline: ReturnType<typeof setTimeout> | null = null;
  #idle: ReturnType<typeof setTimeout> | null = null;
  #bytes = 0;

  /** `close` ends it for good; called at most once from here. */
  constructor(close: () => void) {
    this.#close = close;
  }

  /** The client has all that it gets: its time begins. */
  start(): void {
    this.#deadline ??= this.#after(TOTAL_TIME);
    this.#idle ??= this.#after(IDLE_TIME);
  }

  data(count: number): void {
    this.#bytes += count;
    if (this.#bytes > MAX_BYTES) this.#finish();
    else this.#idle?.refresh();
  }

  stop(): void {
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    if (this.#idle !== null) clearTimeout(this.#idle);
  }

  #after(milliseconds: number): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => this.#finish(), milliseconds);
    timer.unref();
    return timer;
  }

  #finish(): void {
    this.stop();
    this.#close();
  }
}
