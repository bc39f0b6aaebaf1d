import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { InstanceConfig, RestartPolicy } from '../../model/instance.ts';
import type { InstanceState, InstanceStatus } from '../../model/instance-status.ts';
import { STATUSES } from '../../model/testing/statuses.ts';
import type { InstanceRecord } from './record.ts';
import { type EndedRun, planAfterRun, restartsWithDaemon, startsWithDaemon } from './restart-plan.ts';

const policy = (name: RestartPolicy['name'], maximumRetryCount = 0): RestartPolicy => ({
  name,
  maximumRetryCount,
});
const RUN: EndedRun = {
  policy: policy('always'),
  exitCode: 0,
  ranFor: 50,
  restartCount: 0,
  lastDelay: 0,
  manuallyStopped: false,
};

describe('after a run', () => {
  test.each([
    [undefined, 1, 0, false],
    [policy('no'), 1, 0, false],
    [policy('always'), 0, 0, true],
    [policy('unless-stopped'), 0, 0, true],
    [policy('on-failure'), 0, 0, false],
    [policy('on-failure'), 1, 1000, true],
    [policy('on-failure', 3), 1, 2, true],
    [policy('on-failure', 3), 1, 3, false],
  ])('%p, status %p, restarted %p times: %p', (given, exitCode, restartCount, restarts) => {
    const next = planAfterRun({ ...RUN, policy: given, exitCode, restartCount });
    expect(next.type === 'restart').toBe(restarts);
    expect(planAfterRun({ ...RUN, policy: given, exitCode, restartCount, manuallyStopped: true }).type).toBe(
      'rest',
    );
  });

  test('waits twice as long each time, a minute at most; a run that lasted is forgiven', () => {
    const delays: number[] = [];
    let lastDelay = 0;
    for (let count = 0; count < 13; count++) {
      const next = planAfterRun({ ...RUN, lastDelay });
      if (next.type === 'restart') delays.push((lastDelay = next.delay));
    }
    expect(delays.slice(0, 4)).toEqual([100, 200, 400, 800]);
    expect(delays.slice(-3)).toEqual([60_000, 60_000, 60_000]);
    expect(planAfterRun({ ...RUN, lastDelay: 60_000, ranFor: 10_000 })).toEqual({
      type: 'restart',
      delay: 100,
    });
    expect(planAfterRun({ ...RUN, lastDelay: 800, ranFor: 9999 })).toEqual({ type: 'restart', delay: 1600 });
  });

  test('no number leads to a wait out of bounds', () => {
    fc.assert(
      fc.property(fc.nat(10 ** 9), fc.integer(), fc.nat(), (lastDelay, ranFor, restartCount) => {
        const next = planAfterRun({ ...RUN, lastDelay, ranFor, restartCount });
        expect(next.type === 'restart' && next.delay >= 100 && next.delay <= 60_000).toBe(true);
      }),
    );
  });
});

describe('when the daemon is back', () => {
  const record = (
    state: InstanceState,
    restartPolicy: RestartPolicy,
    more: Partial<InstanceRecord> & { code?: number; count?: number; ran?: boolean } = {},
  ): InstanceRecord => ({
    config: { id: 'f', name: 'some', restartPolicy } as InstanceConfig,
    status: {
      ...STATUSES[state],
      ...(state === 'created' ? {} : { startedAt: more.ran === false ? null : 1000 }),
      exit: { code: more.code ?? 1, oomKilled: false, finishedAt: 2000 },
      restartCount: more.count ?? 0,
    } as InstanceStatus,
    lease: null,
    pidStartTime: 0,
    bootId: '',
    manuallyStopped: more.manuallyStopped ?? false,
  });
  const at = (
    before: InstanceState,
    given: RestartPolicy,
    more: Parameters<typeof record>[2] = {},
  ): boolean => startsWithDaemon(record(before, given, more), record('exited', given, more));

  test('always starts again even what somebody stopped, unless-stopped does not', () => {
    expect(at('exited', policy('always'), { manuallyStopped: true })).toBe(true);
    expect(at('exited', policy('unless-stopped'), { manuallyStopped: true })).toBe(false);
    expect(at('exited', policy('unless-stopped'))).toBe(true);
    expect(at('running', policy('no'))).toBe(false);
  });
  test('what nobody has ever started is left alone; a start that was cut short is not', () => {
    const given = policy('always');
    const fresh = record('created', given);
    expect(startsWithDaemon(fresh, fresh)).toBe(false);
    expect(startsWithDaemon(record('starting', given, { ran: false }), fresh)).toBe(true);
  });
  test('on-failure starts what was cut off, within its bound', () => {
    expect(at('running', policy('on-failure'))).toBe(true);
    expect(at('exited', policy('on-failure'))).toBe(false);
    expect(at('running', policy('on-failure', 2), { count: 2 })).toBe(false);
    expect(at('stopping', policy('on-failure'), { manuallyStopped: true })).toBe(false);
  });
  test('what was to be followed by another run at once is', () => {
    const given = policy('no');
    const before = { ...record('exited', given, { manuallyStopped: true }), comesBack: true };
    expect(startsWithDaemon(before, record('exited', given, { manuallyStopped: true }))).toBe(true);
  });
  test('what was being ended for another run is ended again, if it has not been taken apart', () => {
    const given = policy('unless-stopped');
    const before = { ...record('stopping', given, { manuallyStopped: true }), comesBack: true };
    expect(restartsWithDaemon(before, { ...before, ...record('running', given) })).toBe(true);
    expect(restartsWithDaemon(before, record('exited', given))).toBe(false);
    expect(startsWithDaemon(before, record('exited', given, { manuallyStopped: true }))).toBe(true);
    const stopped = { ...before, comesBack: false };
    expect(restartsWithDaemon(stopped, record('running', given))).toBe(false);
  });
  test('who waited for a restart gets it; who was taken over runs', () => {
    const waiting = record('restarting', policy('on-failure', 1), { count: 1 });
    expect(startsWithDaemon(waiting, waiting)).toBe(true);
    expect(startsWithDaemon(record('running', policy('always')), record('running', policy('always')))).toBe(
      false,
    );
  });
});
