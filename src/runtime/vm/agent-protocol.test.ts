import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  encodeFrame,
  encodeRequest,
  encodeSync,
  type Frame,
  FrameDecoder,
  PAYLOAD_MAX,
} from './agent-protocol.ts';

const NUMBER = Buffer.from('0123456789abcdef', 'hex');

/** The guest's answer to a sync word. */
function answer(sync: { bytes: Uint8Array }, version = 1): Uint8Array {
  const bytes = Buffer.from(sync.bytes.slice(-24));
  bytes.writeUInt16LE(version, 16);
  bytes.writeUInt16LE(0, 18);
  return bytes;
}

function pushAll(decoder: FrameDecoder, bytes: Uint8Array, cuts: readonly number[]): Frame[] {
  const frames: Frame[] = [];
  let start = 0;
  for (const end of [
    ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((one, other) => one - other),
    bytes.length,
  ]) {
    frames.push(
      ...decoder
        .push(bytes.subarray(start, end))
        .map((frame) => ({ ...frame, payload: Buffer.from(frame.payload) })),
    );
    start = end;
  }
  return frames;
}

const frames = fc.array(
  fc.record({
    type: fc.integer({ min: 0, max: 255 }),
    stream: fc.integer({ min: 0, max: 0xffff_ffff }),
    payload: fc.uint8Array({ maxLength: 300 }),
  }),
  { maxLength: 8 },
);

describe('frames', () => {
  test('arrive as they were sent, however the bytes are cut and whatever an earlier connection left before them', () => {
    fc.assert(
      fc.property(
        frames,
        fc.uint8Array({ maxLength: 500 }),
        fc.array(fc.nat(5000), { maxLength: 6 }),
        (sent, garbage, cuts) => {
          const sync = encodeSync(NUMBER);
          const bytes = Buffer.concat([
            garbage,
            answer(sync),
            ...sent.map((frame) => encodeFrame(sync.session, frame.type, frame.stream, frame.payload)),
          ]);
          const decoder = new FrameDecoder(sync);
          expect(pushAll(decoder, bytes, cuts)).toEqual(
            sent.map((frame) => ({ ...frame, payload: Buffer.from(frame.payload) })),
          );
          expect(decoder.version).toBe(1);
        },
      ),
    );
  });

  test('of a hostile guest are refused or read, and never held beyond one frame', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 20 }), (chunks) => {
        const sync = encodeSync(NUMBER);
        const decoder = new FrameDecoder(sync);
        decoder.push(answer(sync));
        try {
          for (const chunk of chunks)
            for (const frame of decoder.push(chunk))
              expect(frame.payload.length).toBeLessThanOrEqual(PAYLOAD_MAX);
        } catch (error) {
          expect(error).toMatchObject({ code: 'guest-unreachable' });
        }
      }),
    );
  });

  test('with a false head, length or end break the connection', () => {
    const sync = encodeSync(NUMBER);
    const good = Buffer.from(encodeFrame(sync.session, 70, 1, Buffer.from('abcd')));
    const spoilt = [
      (bytes: Buffer) => bytes.writeUInt8(0, 0),
      (bytes: Buffer) => bytes.writeUInt32LE(PAYLOAD_MAX + 1, 8),
      (bytes: Buffer) => bytes.writeUInt32LE(sync.session ^ 2, 12),
      (bytes: Buffer) => bytes.writeUInt32LE(0, bytes.length - 4),
    ];
    for (const spoil of spoilt) {
      const decoder = new FrameDecoder(sync);
      decoder.push(answer(sync));
      const bytes = Buffer.from(good);
      spoil(bytes);
      expect(() => decoder.push(bytes)).toThrow('breaks the protocol');
    }
  });

  test('a flood before the answer is refused, and a version that nobody knows', () => {
    const decoder = new FrameDecoder(encodeSync(NUMBER));
    expect(() => {
      for (let count = 0; count < 10; count++) decoder.push(Buffer.alloc(1 << 20));
    }).toThrow('floods');
    const sync = encodeSync(NUMBER);
    expect(() => new FrameDecoder(sync).push(answer(sync, 9))).toThrow('no version');
  });

  test('a long request is cut into parts that join to the whole', () => {
    const sync = encodeSync(NUMBER);
    const payload = Buffer.alloc(PAYLOAD_MAX * 2 + 5, 'x');
    const decoder = new FrameDecoder(sync);
    decoder.push(answer(sync));
    const parts = decoder.push(encodeRequest(sync.session, 3, 9, payload));
    expect(parts.map((part) => part.type)).toEqual([19, 19, 3]);
    expect(Buffer.concat(parts.map((part) => part.payload)).equals(payload)).toBe(true);
  });

  test('a sync word never has session 0 and is preceded by a whole frame of zeros', () => {
    const { bytes, session } = encodeSync(Buffer.alloc(8));
    expect(session).not.toBe(0);
    expect(bytes.subarray(0, 16 + PAYLOAD_MAX + 4).every((byte) => byte === 0)).toBe(true);
  });
});
