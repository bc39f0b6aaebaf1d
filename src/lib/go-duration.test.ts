import { expect, test } from 'bun:test';
import { goDuration } from './go-duration.ts';

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
