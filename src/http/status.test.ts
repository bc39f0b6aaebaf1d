import { expect, test } from 'bun:test';
import { ERROR_CODES, type ErrorCode } from '../model/error-codes.ts';
import { HullError } from '../model/errors.ts';
import { httpStatus } from './status.ts';

const statusOf = (code: ErrorCode) => httpStatus(new HullError(code, 'message'));

test('every code is an error of client or server', () => {
  for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
    expect(statusOf(code)).toBeGreaterThanOrEqual(400);
    expect(statusOf(code)).toBeLessThan(600);
  }
});

/** What Docker's clients decide by. */
test.each<[ErrorCode, number]>([
  ['instance-not-found', 404],
  ['image-not-found', 404],
  ['name-in-use', 409],
  ['wrong-state', 409],
  ['image-in-use', 409],
  ['invalid-argument', 400],
  ['ambiguous-id', 400],
  ['start-failed', 400],
  ['not-supported', 501],
  ['internal', 500],
])('%s is %d', (code, status) => {
  expect(statusOf(code)).toBe(status);
});
