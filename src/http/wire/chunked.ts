import { ProtocolError } from './protocol-error.ts';

const LF = 0x0a;
const MAX_SIZE_LINE = 256;
const MAX_TRAILERS = 8 * 1024;

/** Takes the chunks off a body (RFC 9112, section 7.1), as it arrives in pieces of any size. Extensions and trailers are left out. */
export class ChunkDecoder {
  #state: 'size' | 'data' | 'data-end' | 'trailers' | 'done' = 'size';
  /** A line that is not complete yet. */
  #line = '';
  /** Bytes of the chunk that are still to come. */
  #left = 0;
  #trailers = 0;

  get done(): boolean {
    return this.#state === 'done';
  }

  /** Hands the body's bytes to `deliver`. Returns how many bytes of `input` belong to the body: fewer than all once it is done. Throws `ProtocolError`. */
  decode(input: Buffer, deliver: (data: Uint8Array) => void): number {
    let at = 0;
    while (at < input.length && this.#state !== 'done') {
      if (this.#state === 'data') {
        const piece = input.subarray(at, at + this.#left);
        at += piece.length;
        this.#left -= piece.length;
        deliver(piece);
        if (this.#left === 0) this.#state = 'data-end';
        continue;
      }
      const newline = input.indexOf(LF, at);
      const end = newline < 0 ? input.length : newline + 1;
      this.#line += input.toString('latin1', at, end);
      at = end;
      if (newline >= 0) this.#endLine();
      else this.#checkLine();
    }
    return at;
  }

  #checkLine(): void {
    const limit = this.#state === 'data-end' ? 0 : this.#state === 'size' ? MAX_SIZE_LINE : MAX_TRAILERS;
    const text = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line;
    if (text.length > limit || text.includes('\r')) throw malformed();
  }

  #endLine(): void {
    // The only CR is the one before the LF.
    if (!this.#line.endsWith('\r\n') || this.#line.indexOf('\r') !== this.#line.length - 2) throw malformed();
    const line = this.#line.slice(0, -2);
    this.#line = '';
    if (this.#state === 'size') this.#beginChunk(line);
    else if (this.#state === 'data-end') this.#endChunk(line);
    else this.#takeTrailer(line);
  }

  #beginChunk(line: string): void {
    const match = /^([0-9a-fA-F]{1,12})[ \t]*(?:;[\t\x20-\x7e]*)?$/.exec(line);
    if (match === null || line.length > MAX_SIZE_LINE) throw malformed();
    this.#left = Number.parseInt(match[1] ?? '', 16);
    this.#state = this.#left === 0 ? 'trailers' : 'data';
  }

  #endChunk(line: string): void {
    if (line !== '') throw malformed();
    this.#state = 'size';
  }

  #takeTrailer(line: string): void {
    this.#trailers += line.length + 2;
    if (this.#trailers > MAX_TRAILERS) throw malformed();
    if (line === '') this.#state = 'done';
  }
}

function malformed(): ProtocolError {
  return new ProtocolError(400, "the request's chunks are malformed");
}
