import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { goDuration, parseGoDuration } from './go-duration.ts';

test.each([
  [0, '0s'],
  [200, '200ms'],
  [1500, '1.5s'],
  [30_000, '30s'],
  [120_000, '2m0s'],
  [90_500, '1m30.5s'],
  [3_600_000, '1h0m0s'],
])('%p ms: %p', (milliseconds, text) => {
  expect(goDuration(milliseconds)).toBe(text);
});

test.each([
  ['0', 0],
  ['1ns', 1],
  ['1.5us', 1500],
  ['2µs', 2000],
  ['1m30s', 90e9],
  ['.5s', 5e8],
  ['1.s', 1e9],
  ['+1h', 3600e9],
  ['-1.5h', -5400e9],
  ['-0s', 0],
  ['8760h', 8760 * 3600e9],
])('%s is %p ns', (text, nanoseconds) => {
  expect(parseGoDuration(text)).toBe(nanoseconds);
});

test.each(['', '10', '-', 'x', 's', '.s', '1d', '1.2.3s', '1h ', '1e3s', '3000000h'])(
  '%j is no duration',
  (text) => {
    expect(parseGoDuration(text)).toBeNull();
  },
);

test.each([
  '1'.repeat(1_000_000),
  '1.'.repeat(100),
  '11'.repeat(100),
  `${'1'.repeat(120)}.${'1'.repeat(120)}`,
])('a long text is no duration, and that is known at once (%#)', (text) => {
  const before = process.cpuUsage();
  expect(parseGoDuration(text)).toBeNull();
  expect(process.cpuUsage(before).user).toBeLessThan(200_000);
});

test('what is printed is read again', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000_000), (milliseconds) => {
      expect(parseGoDuration(goDuration(milliseconds))).toBe(milliseconds * 1e6);
    }),
  );
});

test('any text is a duration or none', () => {
  fc.assert(fc.property(fc.string(), (text) => expect(parseGoDuration(text)).not.toBeNaN()));
});
