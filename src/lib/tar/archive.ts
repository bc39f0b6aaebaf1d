import { encodeHeader, TAR_END, type TarMember } from './encode.ts';
import { TarParser } from './parser.ts';
import { paddingOf, TarError, type TarEvent, type TarHeader, type TarLimits } from './types.ts';

/** A member to be written. A file's body must give exactly `header.size` bytes. */
export interface TarInput {
  readonly header: TarMember;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
}

/** Writes an archive, member by member; memory holds one chunk. A `Uint8Array` body sets the size by itself. */
export async function* packTar(
  inputs: AsyncIterable<TarInput> | Iterable<TarInput>,
): AsyncGenerator<Uint8Array> {
  for await (const { header, body } of inputs) {
    if (body instanceof Uint8Array) {
      yield encodeHeader({ ...header, size: body.length });
      yield body;
      yield new Uint8Array(paddingOf(body.length));
      continue;
    }
    yield encodeHeader(header);
    if (body !== undefined) yield* sized(body, header);
  }
  yield TAR_END;
}

async function* sized(body: AsyncIterable<Uint8Array>, header: TarMember): AsyncGenerator<Uint8Array> {
  const size = header.size ?? 0;
  let seen = 0;
  for await (const chunk of body) {
    seen += chunk.length;
    if (seen > size) break;
    yield chunk;
  }
  if (seen !== size) throw new TarError(`${header.name} changed its size while it was archived`);
  yield new Uint8Array(paddingOf(size));
}

/** A member as read. The body must be read (or skipped) before the next member is asked for; what is left of it is skipped then. */
export interface TarEntry {
  readonly header: TarHeader;
  /** The file's bytes, holes of sparse files as zeros. Once. */
  readonly body: AsyncIterable<Uint8Array>;
}

const HOLE = new Uint8Array(64 * 1024);

/** Reads an archive, member by member; memory holds one chunk. Throws `TarError` on a malformed one. */
export async function* readTar(
  stream: AsyncIterable<Uint8Array>,
  limits: Partial<TarLimits> = {},
): AsyncGenerator<TarEntry> {
  const events = parse(stream, limits);
  try {
    for (let next = await events.next(); next.done !== true; next = await events.next()) {
      if (next.value.type === 'entry')
        yield { header: next.value.header, body: bodyOf(events, next.value.header.size) };
    }
  } finally {
    await events.return(undefined);
  }
}

/** Every event of an archive. Data chunks are valid until the next event. */
export async function* parse(
  stream: AsyncIterable<Uint8Array>,
  limits: Partial<TarLimits> = {},
): AsyncGenerator<TarEvent, undefined> {
  const parser = new TarParser(limits);
  for await (const chunk of stream) yield* parser.push(chunk);
  parser.finish();
  return undefined;
}

async function* bodyOf(
  events: AsyncGenerator<TarEvent, undefined>,
  size: number,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (
    let next = await events.next();
    next.done !== true && next.value.type !== 'end';
    next = await events.next()
  ) {
    if (next.value.type !== 'data') throw new TarError('a member was read after the next one was asked for');
    yield* zeros(next.value.offset - at);
    yield next.value.bytes;
    at = next.value.offset + next.value.bytes.length;
  }
  yield* zeros(size - at);
}

function* zeros(count: number): Generator<Uint8Array> {
  for (let left = count; left > 0; left -= HOLE.length) yield HOLE.subarray(0, Math.min(left, HOLE.length));
}
