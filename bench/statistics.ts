/** The middle of a series and its spread. */
export interface Summary {
  readonly count: number;
  readonly median: number;
  /** First and third quartile. */
  readonly low: number;
  readonly high: number;
  readonly least: number;
}

/** Summarises at least one value. */
export function summarize(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError('nothing was measured');
  const sorted = values.toSorted((a, b) => a - b);
  return {
    count: sorted.length,
    median: quantile(sorted, 0.5),
    low: quantile(sorted, 0.25),
    high: quantile(sorted, 0.75),
    least: quantile(sorted, 0),
  };
}

/** By linear interpolation between the two nearest of the sorted values. */
function quantile(sorted: readonly number[], q: number): number {
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

/**
 * How many times longer `values` took than `reference`, round by round: values of one round were measured one right after the other, so
 * what slows the machine for a while slows both.
 */
export function ratios(values: readonly number[], reference: readonly number[]): Summary {
  if (values.length !== reference.length) throw new RangeError('ratios need as many values as references');
  return summarize(values.map((value, round) => value / (reference[round] ?? Number.NaN)));
}
