import { badResponse } from './byte-reader.ts';

const LINE_LIMIT = 64 << 20;

/** The lines of a stream, without their ends; empty ones left out. Throws `bad-response` past a limit. */
export async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let held = '';
  for await (const piece of body) {
    held += decoder.decode(piece, { stream: true });
    let end = held.indexOf('\n');
    while (end >= 0) {
      const line = held.slice(0, end).trim();
      held = held.slice(end + 1);
      if (line !== '') yield line;
      end = held.indexOf('\n');
    }
    if (held.length > LINE_LIMIT) throw badResponse('a line of JSON is too long');
  }
  const last = (held + decoder.decode()).trim();
  if (last !== '') yield last;
}

/** JSON values, one per line, as the caller knows them to be. Throws `bad-response` on anything else. */
export async function* jsonLines<T>(body: AsyncIterable<Uint8Array>): AsyncGenerator<T, void> {
  for await (const line of lines(body)) yield parseJson<T>(line);
}

/** `JSON.parse` whose failure says whose fault it is. The shape is trusted: it is the engine's. */
export function parseJson<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    throw badResponse(`it is not JSON: ${JSON.stringify(text.slice(0, 120))}`);
  }
}
