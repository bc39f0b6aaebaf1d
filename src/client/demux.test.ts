import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError } from '../model/errors.ts';
import { demultiplex } from './demux.ts';

type Stream = 'stdout' | 'stderr';

function frame(type: number, data: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header[0] = type;
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
}

function sourceOf(bytes: Uint8Array, step: number): { read(): Promise<Uint8Array | null> } {
  let at = 0;
  return {
    read: async () => {
      if (at >= bytes.length) return null;
      const piece = bytes.subarray(at, at + step);
      at += step;
      return piece;
    },
  };
}

async function collect(bytes: Uint8Array, step: number): Promise<Record<Stream, string>> {
  const result: Record<Stream, string> = { stdout: '', stderr: '' };
  for await (const { stream, data } of demultiplex(sourceOf(bytes, step)))
    result[stream] += Buffer.from(data).toString('latin1');
  return result;
}

test('property: each stream arrives whole and in order, however the bytes are cut', async () => {
  const frames = fc.array(
    fc.tuple(fc.constantFrom<Stream>('stdout', 'stderr'), fc.uint8Array({ maxLength: 100 })),
    { maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(frames, fc.integer({ min: 1, max: 50 }), async (given, step) => {
      const bytes = Buffer.concat(given.map(([stream, data]) => frame(stream === 'stdout' ? 1 : 2, data)));
      const expected: Record<Stream, string> = { stdout: '', stderr: '' };
      for (const [stream, data] of given) expected[stream] += Buffer.from(data).toString('latin1');
      expect(await collect(bytes, step)).toEqual(expected);
    }),
  );
});

test('property: any bytes end in output or an error, never in a hang', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      const result = await collect(bytes, 7).catch((error: unknown) => error);
      expect(result).toBeDefined();
    }),
  );
});

test('a frame of an unknown type is refused', async () => {
  const failure = await collect(frame(9, new Uint8Array([1])), 100).catch((error: unknown) => error);
  expect(isHullError(failure, 'bad-response')).toBe(true);
});

test('a frame that ends early is a lost connection', async () => {
  const failure = await collect(frame(1, new Uint8Array(10)).subarray(0, 12), 100).catch(
    (error: unknown) => error,
  );
  expect(isHullError(failure, 'engine-unreachable')).toBe(true);
});

test('the engine’s own error frame is thrown', async () => {
  await expect(collect(frame(3, Buffer.from('the log is gone')), 100)).rejects.toThrow('the log is gone');
});
