/** DNS messages on a stream: each is preceded by its length in two bytes (RFC 1035, section 4.2.2). */
export class MessageSplitter {
  readonly #found: (message: Uint8Array) => void;
  readonly #pieces: Uint8Array[] = [];
  #held = 0;
  /** Bytes that make the next message whole, its length included. */
  #wanted = 2;

  constructor(found: (message: Uint8Array) => void) {
    this.#found = found;
  }

  /** Takes the next bytes in any portion; holds at most one message (64 KiB) back. Each byte is copied once, however small the portions are. */
  push(data: Uint8Array): void {
    this.#pieces.push(Uint8Array.from(data));
    this.#held += data.byteLength;
    if (this.#held < this.#wanted) return;
    const all = Buffer.concat(this.#pieces);
    let offset = 0;
    for (;;) {
      const left = all.byteLength - offset;
      this.#wanted = left < 2 ? 2 : 2 + all.readUInt16BE(offset);
      if (left < this.#wanted) break;
      this.#found(new Uint8Array(all.subarray(offset + 2, offset + this.#wanted)));
      offset += this.#wanted;
    }
    this.#pieces.splice(0, Infinity, new Uint8Array(all.subarray(offset)));
    this.#held = all.byteLength - offset;
  }
}

/** The message with its length before it. */
export function withLength(message: Uint8Array): Uint8Array {
  const all = new Uint8Array(2 + message.byteLength);
  all[0] = message.byteLength >>> 8;
  all[1] = message.byteLength & 255;
  all.set(message, 2);
  return all;
}
