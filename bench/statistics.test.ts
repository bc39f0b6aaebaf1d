import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ratios, summarize } from './statistics.ts';

describe('summarize', () => {
  test('gives the median and the quartiles', () => {
    expect(summarize([5, 1, 4, 2, 3])).toEqual({ count: 5, median: 3, low: 2, high: 4, least: 1 });
    expect(summarize([1, 2, 3, 4]).median).toBe(2.5);
    expect(summarize([7])).toEqual({ count: 1, median: 7, low: 7, high: 7, least: 7 });
  });

  test('refuses to summarise nothing', () => {
    expect(() => summarize([])).toThrow('nothing was measured');
  });

  test('is ordered and within the values, whatever they are', () => {
    const values = fc.array(fc.double({ noNaN: true, min: 0, max: 1e9 }), { minLength: 1 });
    fc.assert(
      fc.property(values, (list) => {
        const { least, low, median, high } = summarize(list);
        expect([least, low, median, high].toSorted((a, b) => a - b)).toEqual([least, low, median, high]);
        expect(least).toBe(Math.min(...list));
        expect(high).toBeLessThanOrEqual(Math.max(...list));
      }),
    );
  });
});

test('ratios are taken round by round', () => {
  expect(ratios([10, 200], [5, 100]).median).toBe(2);
  expect(() => ratios([1], [1, 2])).toThrow('as many values');
});
