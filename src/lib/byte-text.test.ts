import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { decodeBytes, encodeBytes } from './byte-text.ts';

test('any bytes survive the way to text and back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      expect(encodeBytes(decodeBytes(bytes))).toEqual(bytes);
    }),
  );
});

test('UTF-8 stays readable', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(decodeBytes(new TextEncoder().encode(text))).toBe(text);
    }),
  );
  expect(decodeBytes(Uint8Array.of(0x61, 0xff, 0x62))).toBe('a\udcffb');
});
