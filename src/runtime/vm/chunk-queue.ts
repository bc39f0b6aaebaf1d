import type { OutputChunk } from '../runtime.ts';

/** Credit counts bytes, but a chunk of one byte costs a hundred: so many are held apart at most. */
const CHUNKS_MAX = 1024;

/**
 * A bounded hand-over between one producer and one consumer. The producer learns by `onTaken` what the consumer has taken, and must not
 * push more than it was allowed to: this is where flow control's credit comes from.
 */
export class ChunkQueue implements AsyncIterable<OutputChunk> {
  #chunks: OutputChunk[] = [];
  #held = 0;
  #ended = false;
  #failure: Error | null = null;
  #wake: (() => void) | null = null;
  readonly #onTaken: (bytes: number) => void;

  constructor(onTaken: (bytes: number) => void = () => undefined) {
    this.#onTaken = onTaken;
  }

  /** Bytes not yet taken. */
  get held(): number {
    return this.#held;
  }

  push(chunk: OutputChunk): void {
    if (this.#ended || chunk.data.length === 0) return;
    this.#chunks.push(chunk);
    this.#held += chunk.data.length;
    if (this.#chunks.length > CHUNKS_MAX) this.#chunks = joined(this.#chunks);
    this.#signal();
  }

  /** No more will come; what is held can still be taken. */
  end(failure: Error | null = null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    this.#signal();
  }

  /** Ends and forgets what is held: the consumer has gone. */
  drop(): void {
    const forgotten = this.#held;
    this.#chunks = [];
    this.#held = 0;
    this.end();
    if (forgotten > 0) this.#onTaken(forgotten);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<OutputChunk> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#held -= chunk.data.length;
        this.#onTaken(chunk.data.length);
        yield chunk;
        continue;
      }
      if (this.#failure !== null) throw this.#failure;
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

/** One chunk per stream: between two pipes there is no order to keep. */
function joined(chunks: readonly OutputChunk[]): OutputChunk[] {
  return (['stdout', 'stderr'] as const)
    .map((stream) => ({
      stream,
      data: Buffer.concat(chunks.filter((chunk) => chunk.stream === stream).map((chunk) => chunk.data)),
    }))
    .filter((chunk) => chunk.data.length > 0);
}
