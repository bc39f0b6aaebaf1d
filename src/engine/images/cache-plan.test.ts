import { describe, expect, test } from 'bun:test';
import type { Digest } from '../../model/image.ts';
import type { BuildStepEntry } from '../../state/build-cache.ts';
import { planCachePrune } from './cache-plan.ts';

const digest = (digit: string): Digest => `sha256:${digit.repeat(64)}`;
const step = (
  digit: string,
  createdAt: number,
  bytes: number | null = 10,
  layer = digit,
): BuildStepEntry => ({
  key: digest(digit),
  diffId: digest(layer),
  createdAt,
  bytes,
});
const NONE: ReadonlySet<Digest> = new Set();
const STEPS = [step('1', 1), step('2', 2), step('3', 3)];
const plan = (rule: Parameters<typeof planCachePrune>[2], steps = STEPS, ofImages = NONE) => {
  const { keep, forget } = planCachePrune(steps, ofImages, rule);
  return {
    keep: [...keep].map((one) => one[7] ?? '').toSorted((a, b) => a.localeCompare(b)),
    forget: forget.map((one) => one[7] ?? '').toSorted((a, b) => a.localeCompare(b)),
  };
};

describe('what a rule for the build cache means', () => {
  test('without one nothing stays', () => {
    expect(plan({ all: false })).toEqual({ keep: [], forget: ['1', '2', '3'] });
  });
  test('only what matches goes', () => {
    expect(plan({ all: false, matches: ({ createdAt }) => createdAt < 3 })).toEqual({
      keep: ['3'],
      forget: ['1', '2'],
    });
  });
  test('the newest stay within the bytes that are to be kept; nothing older squeezes in behind a big one', () => {
    expect(plan({ all: false, keepBytes: 20 })).toEqual({ keep: ['2', '3'], forget: ['1'] });
    expect(plan({ all: false, keepBytes: 1000 }).forget).toEqual([]);
    const big = [step('1', 1, 1), step('2', 2, 100), step('3', 3)];
    expect(plan({ all: false, keepBytes: 20 }, big)).toEqual({ keep: ['3'], forget: ['1', '2'] });
  });
  test('layers of images take none of these bytes, nor does the same layer twice', () => {
    expect(plan({ all: false, keepBytes: 10 }, STEPS, new Set([digest('3')])).keep).toEqual(['2', '3']);
    expect(plan({ all: false, keepBytes: 10 }, [step('1', 1, 10, '9'), step('2', 2, 10, '9')])).toEqual({
      keep: ['9'],
      forget: [],
    });
  });
  test('a layer stays while one of its steps does', () => {
    const twice = [step('1', 1, 10, '9'), step('2', 2, 10, '9')];
    expect(plan({ all: false, matches: ({ createdAt }) => createdAt < 2 }, twice)).toEqual({
      keep: ['9'],
      forget: ['1'],
    });
  });
  test('steps whose layer is gone are left to those who look for such', () => {
    expect(plan({ all: false }, [step('1', 1, null)])).toEqual({ keep: [], forget: [] });
  });
});
