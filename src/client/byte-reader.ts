import { HullError } from '../model/errors.ts';

/** Where bytes come from: null is the end. */
export interface ByteSource {
  read(): Promise<Uint8Array | null>;
}

/** A pull reader over a byte source: lines, exact counts and whatever is there, with what was not taken kept. */
export class ByteReader {
  readonly #source: ByteSource;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Up to and including `separator`, which is cut off. Null at the end before any byte; throws `bad-response` past `limit` bytes, `engine-unreachable` at an end in between. */
  async until(separator: string, limit: number, what: string): Promise<string | null> {
    let searched = 0;
    for (;;) {
      const at = this.#held.indexOf(separator, searched, 'latin1');
      if (at >= 0 && at <= limit) {
        const text = this.#held.toString('latin1', 0, at);
        this.#held = this.#held.subarray(at + separator.length);
        return text;
      }
      if (this.#held.length > limit) throw badResponse(`${what} is longer than ${limit} bytes`);
      searched = Math.max(0, this.#held.length - separator.length + 1);
      if (!(await this.#fill())) {
        if (this.#held.length === 0) return null;
        throw connectionLost(what);
      }
    }
  }

  /** Between 1 and `limit` bytes; null at the end. */
  async some(limit: number): Promise<Uint8Array | null> {
    if (this.#held.length === 0 && !(await this.#fill())) return null;
    const piece = this.#held.subarray(0, limit);
    this.#held = this.#held.subarray(piece.length);
    return piece;
  }

  /** Exactly `count` bytes; null at the end before any byte. */
  async exactly(count: number, what: string): Promise<Buffer | null> {
    while (this.#held.length < count) {
      if (await this.#fill()) continue;
      if (this.#held.length === 0) return null;
      throw connectionLost(what);
    }
    const piece = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return piece;
  }

  async #fill(): Promise<boolean> {
    const data = await this.#source.read();
    if (data === null) return false;
    const view = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    this.#held = this.#held.length === 0 ? view : Buffer.concat([this.#held, view]);
    return true;
  }
}

/** The other side does not speak the protocol. */
export function badResponse(why: string): HullError {
  return new HullError(
    'bad-response',
    `the engine's answer cannot be understood: ${why}; is this a hull or Docker socket?`,
  );
}

/** The other side went away in the middle: it was killed, or it crashed. */
export function connectionLost(during: string): HullError {
  return new HullError(
    'engine-unreachable',
    `the connection to the engine was lost during ${during}; instances go on running: see 'hull ps -a' once the engine is back`,
  );
}
