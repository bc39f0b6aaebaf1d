import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ChunkDecoder } from './chunked.ts';
import { ProtocolError } from './protocol-error.ts';

/** Feeds `bytes` cut at `cuts`; returns the body, what was left over, and whether it ended. */
function decode(bytes: Buffer, cuts: readonly number[]): { body: string; rest: string; done: boolean } {
  const decoder = new ChunkDecoder();
  const body: Uint8Array[] = [];
  let from = 0;
  for (const to of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    const piece = bytes.subarray(from, to);
    const taken = decoder.decode(piece, (data) => body.push(Uint8Array.from(data)));
    from += taken;
    if (taken < piece.length) break;
  }
  return {
    body: Buffer.concat(body).toString('latin1'),
    rest: bytes.toString('latin1', from),
    done: decoder.done,
  };
}

const bytesOf = fc.uint8Array({ minLength: 1, maxLength: 40 });

test('what was put into chunks comes out, however it is cut, and what follows is left', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(bytesOf, fc.constantFrom('', ';a=b', ' ;x'))),
      fc.constantFrom('', 'Trailer: x\r\n', 'A: b\r\nC: d\r\n'),
      fc.string({ maxLength: 5 }),
      fc.array(fc.nat(500)),
      (chunks, trailers, rest, cuts) => {
        const encoded = Buffer.concat([
          ...chunks.flatMap(([data, extension]) => [
            Buffer.from(`${data.length.toString(16)}${extension}\r\n`),
            data,
            Buffer.from('\r\n'),
          ]),
          Buffer.from(`0\r\n${trailers}\r\n`),
          Buffer.from(rest, 'latin1'),
        ]);
        const body = Buffer.concat(chunks.map(([data]) => data)).toString('latin1');
        const inside = cuts.filter((cut) => cut <= encoded.length);
        expect(decode(encoded, inside)).toEqual({
          body,
          rest: Buffer.from(rest, 'latin1').toString('latin1'),
          done: true,
        });
      },
    ),
  );
});

describe('malformed chunks are refused', () => {
  test.each([
    'x\r\n',
    '\r\n',
    '-1\r\n',
    '0x1\r\n',
    ' 1\r\n',
    '1\na\n0\n\n',
    '1\ra',
    '1\r\nab',
    '1\r\na\n',
    '1\r\naX\r\n',
    '1;\0\r\n',
    `${'0'.repeat(13)}\r\n`,
    `1;${'x'.repeat(300)}`,
    `1;${'x'.repeat(300)}\r\n`,
    `0\r\n${'A: b\r\n'.repeat(2000)}`,
    `0\r\nA: ${'b'.repeat(9000)}`,
  ])('%j', (text) => {
    expect(() => decode(Buffer.from(text), [])).toThrow(ProtocolError);
  });
});

test('any bytes are taken or refused', () => {
  const piece = fc.oneof(
    fc.constantFrom('1', '\r\n', '0', 'a', ';', '\r', '\n', 'f'),
    fc.string({ maxLength: 3 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.array(fc.nat(60)), (pieces, cuts) => {
      const bytes = Buffer.from(pieces.join(''), 'latin1');
      const inside = cuts.filter((cut) => cut <= bytes.length);
      const outcome = (places: readonly number[]) => {
        try {
          return decode(bytes, places);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
          return 'refused';
        }
      };
      // Where the pieces end must not matter.
      const whole = outcome([]);
      expect(outcome(inside)).toEqual(whole);
    }),
    { numRuns: 1000 },
  );
});
