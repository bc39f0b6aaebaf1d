import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { rfc3339 } from './container-files.ts';

test.each([
  [0n, '1970-01-01T00:00:00Z'],
  [1_500_000_000n, '1970-01-01T00:00:01.5Z'],
  [1_000_000_001n, '1970-01-01T00:00:01.000000001Z'],
  [-1n, '1969-12-31T23:59:59.999999999Z'],
  [1_700_000_000_123_000_000n, '2023-11-14T22:13:20.123Z'],
])('%p as Go writes it', (nanoseconds, text) => {
  expect(rfc3339(nanoseconds)).toBe(text);
});

test('any time that a file can have is a time', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(2n ** 63n) * 1_000_000_000n, max: 2n ** 63n * 1_000_000_000n }),
      (time) => {
        expect(rfc3339(time)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d*[1-9])?Z$/);
      },
    ),
  );
});
