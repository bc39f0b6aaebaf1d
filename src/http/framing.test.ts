import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { encodeFrame, frameChunk, type StreamName } from './framing.ts';

interface Piece {
  readonly stream: StreamName;
  readonly data: Uint8Array;
}

/** The format's other side, written from its description. */
function decode(bytes: Uint8Array): readonly Piece[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pieces: Piece[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    expect([bytes[at + 1], bytes[at + 2], bytes[at + 3]]).toEqual([0, 0, 0]);
    const length = view.getUint32(at + 4, false);
    const stream = bytes[at] === 1 ? 'stdout' : 'stderr';
    expect([1, 2]).toContain(bytes[at] ?? -1);
    pieces.push({ stream, data: bytes.slice(at + 8, at + 8 + length) });
    at += 8 + length;
  }
  return pieces;
}

const piece = fc.record({
  stream: fc.constantFrom<StreamName[]>('stdout', 'stderr'),
  data: fc.uint8Array({ maxLength: 70_000 }),
});

test('what is framed is what is read', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 5 }), (pieces) => {
      const bytes = Buffer.concat(pieces.map(({ stream, data }) => encodeFrame(stream, data)));
      expect(decode(bytes)).toEqual(pieces);
    }),
    { numRuns: 50 },
  );
});

test('a time stamp is inside the frame', () => {
  const frame = encodeFrame('stderr', Buffer.from('text\n'), '2026-01-01T00:00:00Z ');
  expect(decode(frame)).toEqual([
    { stream: 'stderr', data: Uint8Array.from(Buffer.from('2026-01-01T00:00:00Z text\n')) },
  ]);
});

test('a chunk with room before it is framed in its own memory', () => {
  fc.assert(
    fc.property(piece, fc.integer({ min: 0, max: 12 }), ({ stream, data }, headroom) => {
      const memory = new Uint8Array(20 + data.byteLength);
      memory.set(data, 20);
      const frame = frameChunk({ stream, data: memory.subarray(20), headroom });
      expect(decode(frame)).toEqual([{ stream, data }]);
      expect(frame.buffer === memory.buffer).toBe(headroom >= 8);
      expect(memory.subarray(0, 20 - headroom).every((byte) => byte === 0)).toBe(true);
    }),
  );
});
