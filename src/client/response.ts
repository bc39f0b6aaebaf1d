import { type ByteReader, badResponse, connectionLost } from './byte-reader.ts';

/** Status and headers of one HTTP/1.1 response; header names in lower case, repeated ones joined with `, `. */
export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly headers: ReadonlyMap<string, string>;
}

/** How the end of a body is known (RFC 9112, section 6.3). */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' };

const HEAD_LIMIT = 256 * 1024;
const CHUNK_LINE_LIMIT = 4096;
const PIECE = 256 * 1024;

/** Reads a response's head, skipping interim ones (1xx except 101). Throws `bad-response`. */
export async function readHead(reader: ByteReader): Promise<ResponseHead> {
  for (;;) {
    const text = await reader.until('\r\n\r\n', HEAD_LIMIT, 'a response head');
    if (text === null) throw connectionLost('a request');
    const head = parseHead(text);
    if (head.status >= 200 || head.status === 101) return head;
  }
}

/** Parses a head without its empty line. */
export function parseHead(text: string): ResponseHead {
  const [first = '', ...lines] = text.split('\r\n');
  const match = /^HTTP\/1\.[01] ([1-9]\d{2})(?: ([^\r\n]*))?$/.exec(first);
  if (match === null) throw badResponse(`the status line is ${JSON.stringify(first.slice(0, 80))}`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    if (colon <= 0 || !/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name)) {
      throw badResponse(`a header line is ${JSON.stringify(line.slice(0, 80))}`);
    }
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { status: Number(match[1]), reason: match[2] ?? '', headers };
}

/** Where the body of this response ends. */
export function framingOf(head: ResponseHead, method: string): BodyFraming {
  if (method === 'HEAD' || head.status === 204 || head.status === 304) return { kind: 'none' };
  const encoding = head.headers.get('transfer-encoding');
  if (encoding !== undefined) {
    if (encoding.toLowerCase() === 'chunked') return { kind: 'chunked' };
    throw badResponse(`its transfer encoding is ${JSON.stringify(encoding)}`);
  }
  const length = head.headers.get('content-length');
  if (length === undefined) return { kind: 'close' };
  if (!/^\d{1,15}$/.test(length)) throw badResponse(`its content length is ${JSON.stringify(length)}`);
  return { kind: 'length', length: Number(length) };
}

/** The body's bytes, framing taken away. Throws `bad-response` for a malformed chunk, `engine-unreachable` when it ends early. */
export async function* readBody(reader: ByteReader, framing: BodyFraming): AsyncGenerator<Uint8Array, void> {
  switch (framing.kind) {
    case 'none':
      return;
    case 'length':
      yield* readExactly(reader, framing.length);
      return;
    case 'chunked':
      yield* readChunks(reader);
      return;
    case 'close':
      for (let piece = await reader.some(PIECE); piece !== null; piece = await reader.some(PIECE))
        yield piece;
  }
}

async function* readExactly(reader: ByteReader, length: number): AsyncGenerator<Uint8Array, void> {
  let left = length;
  while (left > 0) {
    const piece = await reader.some(Math.min(left, PIECE));
    if (piece === null) throw connectionLost('its answer');
    left -= piece.byteLength;
    yield piece;
  }
}

async function* readChunks(reader: ByteReader): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const line = await reader.until('\r\n', CHUNK_LINE_LIMIT, 'a chunk size');
    const match = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/.exec(line ?? '');
    if (line === null) throw connectionLost('its answer');
    if (match === null) throw badResponse('a chunk size is malformed');
    const size = Number.parseInt(match[1] ?? '', 16);
    if (size === 0) return skipTrailers(reader);
    yield* readExactly(reader, size);
    const end = await reader.exactly(2, 'a chunk');
    if (end?.toString('latin1') !== '\r\n') throw badResponse('a chunk does not end where it says');
  }
}

async function skipTrailers(reader: ByteReader): Promise<void> {
  for (let count = 0; count < 64; count += 1) {
    const line = await reader.until('\r\n', HEAD_LIMIT, 'a trailer');
    if (line === null) throw connectionLost('its answer');
    if (line === '') return;
  }
  throw badResponse('it has too many trailers');
}
