import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { mapMeasured, median, notMeasured, sampleOf } from './statistics.ts';

const values = fc.array(fc.double({ noNaN: true, min: -1e300, max: 1e300 }), { minLength: 1, maxLength: 50 });

describe('median', () => {
  test('of odd and even numbers of values, whatever their order', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([10, 1, 2, 9])).toBe(5.5);
    // As numbers, not as text.
    expect(median([10, 9, 100])).toBe(10);
  });
  test('lies in the middle: as many below as above', () => {
    fc.assert(
      fc.property(values, (list) => {
        const middle = median(list);
        const below = list.filter((value) => value < middle).length;
        const above = list.filter((value) => value > middle).length;
        expect(below).toBeLessThanOrEqual(list.length / 2);
        expect(above).toBeLessThanOrEqual(list.length / 2);
      }),
    );
  });
  test('of the largest numbers stays a number', () => {
    expect(median([1e308, 1e308])).toBe(1e308);
  });
  test('of nothing is refused', () => expect(() => median([])).toThrow(RangeError));
});

describe('sampleOf', () => {
  test('keeps the samples in their order', () => {
    expect(sampleOf([3, 1, 2], 'why')).toEqual({ value: { median: 2, min: 1, max: 3, samples: [3, 1, 2] } });
  });
  test('without values it is the reason, never a zero', () => {
    expect(sampleOf([], 'the disk is gone')).toEqual({ notMeasured: 'the disk is gone' });
  });
});

test('mapMeasured leaves a reason alone', () => {
  expect(mapMeasured({ value: 2 }, (value) => value * 2)).toEqual({ value: 4 });
  expect(mapMeasured(notMeasured('why'), () => 4)).toEqual({ notMeasured: 'why' });
});
