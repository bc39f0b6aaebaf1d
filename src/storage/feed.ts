import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Child } from '../host/host.ts';

/** Writes the stream to the child. Null when all went, or when the child stopped listening (its report says why); else the stream's own error. */
export async function feed(child: Child, stream: AsyncIterable<Uint8Array>): Promise<Error | null> {
  let sourceError: Error | null = null;
  async function* watched(): AsyncGenerator<Uint8Array> {
    const source = stream[Symbol.asyncIterator]();
    const next = () =>
      source.next().catch((error: unknown) => {
        sourceError = error instanceof Error ? error : new Error(String(error));
        throw sourceError;
      });
    try {
      // Only what the source says is its error: a broken pipe to the child is thrown in here too, at the yield.
      for (let chunk = await next(); chunk.done !== true; chunk = await next()) yield chunk.value;
    } finally {
      await source.return?.();
    }
  }
  try {
    const input = Readable.from(watched(), { objectMode: false, highWaterMark: 1024 * 1024 });
    if (child.stdin !== null) await pipeline(input, child.stdin);
  } catch {
    return sourceError;
  }
  return null;
}
