import { Fifo } from '../../lib/fifo.ts';
import { HullError } from '../../model/errors.ts';
import { ChunkDecoder } from './chunked.ts';
import type { BodyLength } from './request-head.ts';

/** Bytes held for a slow reader before the client is made to wait. */
const HIGH_WATER = 256 * 1024;
/** More chunks than these in what came at once are put together: each piece costs its reader more than copying it. */
const MANY_PIECES = 16;

export interface BodyHooks {
  /** Somebody begins to read. */
  wanted(): void;
  /** There was too much, and now there is room again. */
  room(): void;
}

/**
 * The body of one request, as it arrives. After `becomeRaw` it is whatever the client sends, until it ends its direction: the input of a
 * connection that was taken over.
 */
export class RequestBody implements AsyncIterable<Uint8Array> {
  readonly #hooks: BodyHooks;
  readonly #chunks: ChunkDecoder | null;
  /** Bytes that are still to come, where their number is known. */
  #left: number;
  readonly #queue = new Fifo<Uint8Array>();
  #held = 0;
  #ended = false;
  #failure: Error | null = null;
  #discarding = false;
  #asked = false;
  #wake: (() => void) | null = null;

  constructor(length: BodyLength, hooks: BodyHooks) {
    this.#hooks = hooks;
    this.#chunks = length === 'chunked' ? new ChunkDecoder() : null;
    this.#left = length === 'chunked' ? Infinity : length;
    this.#ended = length === 0;
  }

  /** Everything has arrived (it may not have been read). */
  get complete(): boolean {
    return this.#ended;
  }

  /** Bytes that are still to come; `Infinity` where nobody knows. */
  get left(): number {
    return this.#ended ? 0 : this.#left;
  }

  /** The reader is behind: nothing should be given until `room`. */
  get full(): boolean {
    return this.#held > HIGH_WATER;
  }

  /** Takes what belongs to the body. Returns how many bytes that was. Throws `ProtocolError` for malformed chunks. */
  feed(data: Buffer): number {
    if (this.#ended) return 0;
    if (this.#chunks !== null) {
      const pieces: Uint8Array[] = [];
      const taken = this.#chunks.decode(data, (piece) => pieces.push(piece));
      if (pieces.length > MANY_PIECES) this.#push(Buffer.concat(pieces));
      else for (const piece of pieces) this.#push(piece);
      if (this.#chunks.done) this.#end();
      return taken;
    }
    const piece = data.subarray(0, Math.min(data.length, this.#left));
    this.#left -= piece.length;
    this.#push(piece);
    if (this.#left === 0) this.#end();
    return piece.length;
  }

  /** No end but the connection's own from here on; chunks stay chunks, for clients that send their input in them. */
  becomeRaw(): void {
    if (this.#chunks !== null) return;
    this.#left = Infinity;
    this.#ended = false;
  }

  /** The client sends no more: the end of raw input, a failure of every other body that is not complete. */
  peerEnded(raw: boolean): void {
    if (this.#ended) return;
    if (!raw) this.fail();
    else this.#end();
  }

  /** The connection broke. */
  fail(): void {
    if (this.#ended) return;
    this.#failure = new HullError(
      'invalid-argument',
      'the client ended its request before the body was complete',
    );
    this.#end();
  }

  /** Nobody will read what still comes. */
  discard(): void {
    const wasFull = this.full;
    this.#discarding = true;
    this.#queue.clear();
    this.#held = 0;
    if (wasFull) this.#hooks.room();
    this.#wake?.();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: () => this.#next(),
      return: async () => {
        this.discard();
        return { done: true, value: undefined };
      },
    };
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    if (!this.#asked) {
      this.#asked = true;
      this.#hooks.wanted();
    }
    for (;;) {
      const value = this.#queue.shift();
      if (value !== undefined) {
        this.#release(value.byteLength);
        return { done: false, value };
      }
      if (this.#failure !== null) throw this.#failure;
      if (this.#ended || this.#discarding) return { done: true, value: undefined };
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = null;
    }
  }

  #release(count: number): void {
    const wasFull = this.full;
    this.#held -= count;
    if (wasFull && !this.full) this.#hooks.room();
  }

  #push(piece: Uint8Array): void {
    if (this.#discarding || piece.byteLength === 0) return;
    this.#queue.push(piece);
    this.#held += piece.byteLength;
    this.#wake?.();
  }

  #end(): void {
    this.#ended = true;
    this.#wake?.();
  }
}
