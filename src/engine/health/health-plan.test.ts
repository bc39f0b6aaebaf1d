import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Health, HealthProbe } from '../../model/health.ts';
import { closedHealth, healthPlan, judge, nextProbeIn, startedHealth } from './health-plan.ts';

const SECOND = 1e9;
const check = { Test: ['CMD', 'true'], Interval: 2 * SECOND, Retries: 2, StartPeriod: 10 * SECOND };
const plan = healthPlan(check) ?? expect.unreachable();
const STARTING: Health = { status: 'starting', failingStreak: 0, log: [] };

function probe(exitCode: number, start = 20_000): HealthProbe {
  return { start, end: start + 5, exitCode, output: '' };
}

describe('what is probed', () => {
  test.each([
    [undefined, null],
    [{}, null],
    [{ Test: [] }, null],
    [{ Test: ['NONE'] }, null],
    [{ Test: ['CMD'] }, null],
    [{ Test: ['CMD', 'curl', '-f', 'x'] }, ['curl', '-f', 'x']],
    [{ Test: ['CMD-SHELL', 'test -f /x'] }, ['/bin/sh', '-c', 'test -f /x']],
  ])('%p: %p', (given, command) => {
    expect(healthPlan(given)?.command ?? null).toEqual(command);
  });
  test('the image’s shell, and Docker’s defaults', () => {
    expect(healthPlan({ Test: ['CMD-SHELL', 'x'] }, ['/bin/bash', '-ec'])).toEqual({
      command: ['/bin/bash', '-ec', 'x'],
      interval: 30_000,
      timeout: 30_000,
      startPeriod: 0,
      startInterval: 5000,
      retries: 3,
    });
  });
});

describe('what a probe makes of it', () => {
  test('healthy at once, unhealthy after as many failures in a row as allowed', () => {
    let health = judge(STARTING, probe(0), plan, 0);
    expect(health.status).toBe('healthy');
    health = judge(health, probe(1), plan, 0);
    expect([health.status, health.failingStreak]).toEqual(['healthy', 1]);
    health = judge(health, probe(2), plan, 0);
    expect([health.status, health.failingStreak]).toEqual(['unhealthy', 2]);
    expect(judge(health, probe(0), plan, 0)).toMatchObject({ status: 'healthy', failingStreak: 0 });
  });
  test('failures in the start period do not count, unless it was healthy before', () => {
    const early = judge(STARTING, probe(1, 9999), plan, 0);
    expect(early).toMatchObject({ status: 'starting', failingStreak: 0 });
    expect(judge(judge(STARTING, probe(0, 1), plan, 0), probe(1, 9999), plan, 0).failingStreak).toBe(1);
    expect(judge(STARTING, probe(1, 10_000), plan, 0).failingStreak).toBe(1);
  });
  test('the last five are remembered, also over runs', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 20 }), (codes) => {
        let health = STARTING;
        for (const code of codes) health = judge(health, probe(code), plan, 0);
        expect(health.log.map(({ exitCode }) => exitCode)).toEqual(codes.slice(-5));
      }),
    );
    const before = judge(STARTING, probe(0), plan, 0);
    expect(startedHealth(check, before)).toMatchObject({ status: 'starting', log: before.log });
    expect(startedHealth({ Test: ['NONE'] }, before)).toBeNull();
    expect(closedHealth(before)?.status).toBe('unhealthy');
    expect(closedHealth(null)).toBeNull();
  });
});

test('the next probe comes one interval after the last; a shorter one while it starts', () => {
  const at = { startedAt: 1000, lastEnd: 1000, now: 1000 };
  expect(nextProbeIn(plan, { ...at, health: STARTING })).toBe(5000);
  expect(nextProbeIn(plan, { ...at, health: { ...STARTING, status: 'healthy' } })).toBe(2000);
  expect(nextProbeIn(plan, { ...at, now: 11_000, lastEnd: 10_500, health: STARTING })).toBe(1500);
  expect(nextProbeIn(plan, { ...at, now: 99_000, health: STARTING })).toBe(0);
});
