import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { JSON_LIMITS, parseBoundedJson } from './bounded-json.ts';

/** Counted on the value itself, as `JSON.parse` makes it. */
function measure(value: unknown): { depth: number; entries: number; values: number } {
  if (typeof value !== 'object' || value === null) return { depth: 0, entries: 0, values: 0 };
  const inside = Object.values(value).map(measure);
  return {
    depth: 1 + Math.max(0, ...inside.map(({ depth }) => depth)),
    entries: Math.max(inside.length, 1, ...inside.map(({ entries }) => entries)),
    values: Math.max(1, inside.length) + inside.reduce((sum, { values }) => sum + values, 0),
  };
}

describe('JSON from outside', () => {
  test('is what JSON.parse makes of it, or is refused for the bound that it breaks', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 6 }),
        fc.nat(8),
        fc.nat(8),
        fc.nat(40),
        (value, depth, entries, values) => {
          const text = JSON.stringify(value);
          const found = measure(value);
          const fits = found.depth <= depth && found.entries <= entries && found.values <= values;
          const read = (): unknown => parseBoundedJson(text, { depth, entries, values });
          // An empty list counts as one value, and one of one element too.
          if (fits) expect(read()).toEqual(JSON.parse(text));
          else if (entries > 0) expect(read).toThrow(/deep|entries|values/);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('any text is a value or an error', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json().map((text) => text.slice(0, -1)),
        ),
        (text) => {
          let expected: unknown;
          let malformed = false;
          try {
            expected = JSON.parse(text);
          } catch {
            malformed = true;
          }
          if (malformed) expect(() => parseBoundedJson(text)).toThrow();
          else expect(parseBoundedJson(text)).toEqual(expected);
        },
      ),
    );
  });

  test.each([
    ['deep lists', '['.repeat(7_000_000)],
    ['deep objects', '{"a":'.repeat(1_000_000)],
    ['many members', `{${Array.from({ length: 700_000 }, (_, index) => `"${index}":""`).join()}}`],
    ['many lists', `[${Array.from({ length: 60_000 }, () => '[1,2,3,4,5,6,7,8]').join()}]`],
  ])('%s are refused before they are made', (_, text) => {
    const before = process.cpuUsage();
    expect(() => parseBoundedJson(text)).toThrow(/deep|entries|values/);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(100);
  });

  test('quotes and brackets inside strings count for nothing', () => {
    const text = JSON.stringify({ a: '[['.repeat(JSON_LIMITS.depth), b: String.raw`\"[\\`, ',,': ',' });
    expect(parseBoundedJson(text)).toEqual(JSON.parse(text));
  });
});
