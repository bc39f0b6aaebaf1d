import { ProtocolError } from './protocol-error.ts';
import { MAX_HEAD } from './request-head.ts';

const CR = 0x0d;
const LF = 0x0a;
const HEAD_END = Buffer.from('\r\n\r\n');
/** Empty lines that a client may send before a request: some end a body with one too many. */
const MAX_EMPTY_LINES = 4;

/** Bytes of requests that have not begun yet, in the order they came. */
export class HeadBuffer {
  #held: Buffer = Buffer.alloc(0);
  /** Where `#held` lies once it was put together; has room behind it, so that a client that sends single bytes costs little. */
  #store: Buffer | null = null;
  /** What is known to hold no end of a head. */
  #searched = 0;

  get length(): number {
    return this.#held.length;
  }

  push(data: Uint8Array): void {
    const held = this.#held;
    if (held.length === 0) {
      this.#held = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      this.#store = null;
      return;
    }
    const size = held.length + data.byteLength;
    const start = this.#store === null ? 0 : held.byteOffset - this.#store.byteOffset;
    if (this.#store === null || start + size > this.#store.length) {
      this.#store = Buffer.allocUnsafeSlow(size * 2);
      held.copy(this.#store);
      this.#store.set(data, held.length);
      this.#held = this.#store.subarray(0, size);
    } else {
      this.#store.set(data, start + held.length);
      this.#held = this.#store.subarray(start, start + size);
    }
  }

  /** Everything. */
  take(): Buffer {
    const all = this.#held;
    this.#held = Buffer.alloc(0);
    this.#store = null;
    this.#searched = 0;
    return all;
  }

  /** A head without the empty line that ends it; null until it is complete. Throws `ProtocolError` as soon as it cannot become one. */
  takeHead(): string | null {
    this.#skipEmptyLines();
    const end = this.#held.indexOf(HEAD_END, Math.max(0, this.#searched - HEAD_END.length));
    if (end > MAX_HEAD || (end < 0 && this.#held.length > MAX_HEAD)) {
      throw new ProtocolError(431, `the request line and headers are longer than ${MAX_HEAD} bytes`);
    }
    if (end < 0) {
      this.#refuseBareLineEnd();
      this.#searched = this.#held.length;
      return null;
    }
    const text = this.#held.toString('latin1', 0, end);
    this.#held = this.#held.subarray(end + HEAD_END.length);
    this.#searched = 0;
    return text;
  }

  #skipEmptyLines(): void {
    let start = 0;
    while (this.#held[start] === CR && this.#held[start + 1] === LF) start += 2;
    if (start > 2 * MAX_EMPTY_LINES)
      throw new ProtocolError(400, 'there are empty lines instead of a request');
    if (start === 0) return;
    this.#held = this.#held.subarray(start);
    this.#searched = 0;
  }

  /** A client that ends lines with LF alone would wait for ever. */
  #refuseBareLineEnd(): void {
    for (let at = this.#held.indexOf(LF, this.#searched); at >= 0; at = this.#held.indexOf(LF, at + 1)) {
      if (this.#held[at - 1] !== CR) throw new ProtocolError(400, 'lines end with CR LF');
    }
  }
}
