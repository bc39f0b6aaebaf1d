import { expect, test } from 'bun:test';
import { CommandFailure } from '../usage-error.ts';
import { startFailure } from './exit-status.ts';

const statusOf = (error: unknown): number => {
  const failure = startFailure(error);
  return failure instanceof CommandFailure ? failure.exitStatus : 125;
};

test.each([
  ['exec: "x": executable file not found in $PATH', 127],
  ['exec: "/etc": is a directory', 126],
  ['instance one was killed while it was being started', 137],
  ['instance one was ended by signal 15 while it was being started', 143],
  ['instance one was ended by signal 2 while it was being started', 130],
  ['the network is not there', 125],
])('a start that fails with "%s" ends the command with %d', (message, status) => {
  expect(statusOf(new Error(message))).toBe(status);
});
