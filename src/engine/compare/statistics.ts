import type { Measured, Sample } from '../../model/comparison.ts';

/** The middle one; of an even number, the mean of the middle two. Rejects an empty list: there is no figure then. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new RangeError('the median of nothing');
  // Not (lower + upper) / 2: that leaves the range of numbers for the largest ones.
  return lower + (upper - lower) / 2;
}

/** `why`: said where there are no values. */
export function sampleOf(values: readonly number[], why: string): Measured<Sample> {
  if (values.length === 0) return { notMeasured: why };
  return {
    value: { median: median(values), min: Math.min(...values), max: Math.max(...values), samples: values },
  };
}

/** Applies `change` to a figure that there is. */
export function mapMeasured<T, U>(figure: Measured<T>, change: (value: T) => U): Measured<U> {
  return 'value' in figure ? { value: change(figure.value) } : figure;
}

export function notMeasured(why: string): { readonly notMeasured: string } {
  return { notMeasured: why };
}
