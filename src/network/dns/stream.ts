/** DNS messages on a stream: each is preceded by its length in two bytes (RFC 1035, section 4.2.2). */
export class MessageSplitter {
  readonly #found: (message: Uint8Array) => void;
  #buffer = new Uint8Array(0);

  constructor(found: (message: Uint8Array) => void) {
    this.#found = found;
  }

  /** Takes the next bytes in any portion; holds at most one message (64 KiB) back. */
  push(data: Uint8Array): void {
    const all = new Uint8Array(this.#buffer.byteLength + data.byteLength);
    all.set(this.#buffer);
    all.set(data, this.#buffer.byteLength);
    let offset = 0;
    while (all.byteLength - offset >= 2) {
      const length = ((all[offset] ?? 0) << 8) | (all[offset + 1] ?? 0);
      if (all.byteLength - offset - 2 < length) break;
      this.#found(all.slice(offset + 2, offset + 2 + length));
      offset += 2 + length;
    }
    this.#buffer = all.slice(offset);
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
