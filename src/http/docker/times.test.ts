import { expect, test } from 'bun:test';
import { STATUSES } from '../../model/testing/statuses.ts';
import { dockerState, statusText } from './container-state.ts';
import { humanDuration } from './times.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The cases of go-units' own test. */
test.each([
  [450, 'Less than a second'],
  [-5 * SECOND, 'Less than a second'],
  [SECOND, '1 second'],
  [47 * SECOND, '47 seconds'],
  [MINUTE, 'About a minute'],
  [3 * MINUTE, '3 minutes'],
  [35 * MINUTE + 40 * SECOND, '35 minutes'],
  [HOUR, 'About an hour'],
  [HOUR + 45 * MINUTE, '2 hours'],
  [3 * HOUR, '3 hours'],
  [3 * HOUR + 59 * MINUTE, '4 hours'],
  [DAY, '24 hours'],
  [1.5 * DAY, '36 hours'],
  [2.5 * DAY, '2 days'],
  [7 * DAY, '7 days'],
  [13 * DAY + 5 * HOUR, '13 days'],
  [14 * DAY, '2 weeks'],
  [45 * DAY, '6 weeks'],
  [2 * 30 * DAY, '2 months'],
  [23 * 30 * DAY, '23 months'],
  [24 * 30 * DAY, '24 months'],
  [3 * 365 * DAY, '3 years'],
])('%d ms', (milliseconds, text) => {
  expect(humanDuration(milliseconds)).toBe(text);
});

const exit = { code: 3, oomKilled: false, finishedAt: 0 };

test.each([
  [STATUSES.created, 'created', 'Created'],
  [{ ...STATUSES.running, startedAt: 0 }, 'running', 'Up 3 minutes'],
  [{ ...STATUSES.running, startedAt: 0, error: 'no room: for what' }, 'running', 'Up 3 minutes (no room)'],
  [{ ...STATUSES.stopping, startedAt: 0 }, 'running', 'Up 3 minutes'],
  [STATUSES.starting, 'created', 'Created'],
  [{ ...STATUSES.starting, exit }, 'exited', 'Exited (3) 3 minutes ago'],
  [{ ...STATUSES.starting, exit, restartCount: 1 }, 'restarting', 'Restarting (3) 3 minutes ago'],
  [{ ...STATUSES.exited, exit }, 'exited', 'Exited (3) 3 minutes ago'],
  [STATUSES.removing, 'removing', 'Removal In Progress'],
])('status %#', (given, state, text) => {
  expect(dockerState(given)).toBe(state as ReturnType<typeof dockerState>);
  expect(statusText(given, 3 * MINUTE)).toBe(text);
});
