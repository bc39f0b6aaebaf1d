import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { millisecondsOf, nanosecondsOf, parseTimestamp } from './timestamp.ts';

const DAY = BigInt(Date.UTC(2026, 0, 2)) * 1_000_000n;
const local = (text: string): bigint => BigInt(new Date(text).getTime()) * 1_000_000n;

describe('timestamps', () => {
  test.each([
    ['0', 0n],
    ['1700000000', 1_700_000_000_000_000_000n],
    ['1700000000.25', 1_700_000_000_250_000_000n],
    ['1700000000.123456789', 1_700_000_000_123_456_789n],
    ['1700000000.1234567891', 1_700_000_000_123_456_789n],
    ['-1.5', -1_500_000_000n],
    ['2026-01-02T00:00:00Z', DAY],
    ['2026-01-02T00:00:00.000000001z', DAY + 1n],
    ['2026-01-02T02:30:00+02:30', DAY],
    ['2026-01-02T15:04:05', local('2026-01-02T15:04:05')],
    ['2026-01-02T15:04', local('2026-01-02T15:04:00')],
    ['2026-01-02 15', local('2026-01-02T15:00:00')],
    ['2026-01-02', local('2026-01-02T00:00:00')],
  ])('%s', (text, expected) => {
    expect(parseTimestamp(text)).toBe(expected);
  });

  test.each(['', 'soon', '10m', 'Jan 1 2020', '2026-13-01', '2026-01-02T25:00', '1e3', ' 1', '1.'])(
    '%j is none',
    (text) => {
      expect(parseTimestamp(text)).toBeNull();
    },
  );

  test('every nanosecond is told from the next', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n }), (moment) => {
        const seconds = `${moment / 1_000_000_000n}.${String(moment % 1_000_000_000n).padStart(9, '0')}`;
        expect(parseTimestamp(seconds)).toBe(moment);
        const date = new Date(Number(moment / 1_000_000n)).toISOString().slice(0, 19);
        expect(parseTimestamp(`${date}.${seconds.slice(-9)}Z`)).toBe(moment);
      }),
    );
  });

  test('any text is a time or none; milliseconds there and back', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseTimestamp(text)));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (time) => {
        expect(millisecondsOf(nanosecondsOf(time))).toBe(time);
      }),
    );
    expect(nanosecondsOf(1.5)).toBe(1_500_000n);
  });
});
