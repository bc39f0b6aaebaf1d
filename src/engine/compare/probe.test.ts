import { describe, expect, test } from 'bun:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ProbeAttempt, untilReady } from './probe.ts';

const never = (): null => null;

describe('untilReady', () => {
  test('tries again until it succeeds', async () => {
    let attempts = 0;
    const attempt = async (): Promise<ProbeAttempt> => ({ code: ++attempts < 4 ? 1 : 0, output: '' });
    expect(await untilReady({ attempt, deadline: 5000, ended: never })).toMatchObject({
      ready: true,
      attempts: 4,
    });
  });

  test('an attempt that waits for nothing does not hide the moment of readiness, and is ended', async () => {
    const stopped: boolean[] = [];
    let number = 0;
    const attempt = async (signal: AbortSignal): Promise<ProbeAttempt> => {
      if (++number > 1) return { code: 0, output: '' };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      stopped.push(true);
      return { code: 1, output: 'too late' };
    };
    const outcome = await untilReady({ attempt, deadline: 5000, ended: never });
    expect(outcome.ready && outcome.milliseconds).toBeLessThan(1000);
    expect(stopped).toEqual([true]);
  });

  test('says what the probe printed last when time is up', async () => {
    const attempt = async (): Promise<ProbeAttempt> => ({ code: 1, output: 'connection refused\n' });
    const outcome = await untilReady({ attempt, deadline: 60, ended: never });
    expect(outcome).toMatchObject({ ready: false, output: 'connection refused\n' });
    expect(outcome.ready ? '' : outcome.why).toMatch(/did not succeed within 0 seconds \(\d+ attempts\)/);
  });

  test('a silent probe is told by its status', async () => {
    const attempt = async (): Promise<ProbeAttempt> => ({ code: 7, output: '' });
    const outcome = await untilReady({ attempt, deadline: 30, ended: never });
    expect(outcome).toMatchObject({ output: 'it printed nothing and ended with status 7' });
  });

  test('gives up at once when the workload has ended', async () => {
    const attempt = async (): Promise<ProbeAttempt> => ({ code: 1, output: '' });
    let looks = 0;
    const ended = (): string | null => (++looks > 2 ? 'it ended' : null);
    expect(await untilReady({ attempt, deadline: 60_000, ended })).toMatchObject({
      ready: false,
      why: 'it ended',
    });
  });

  test('an abort rejects, and nothing goes on', async () => {
    const gone = new AbortController();
    let flying = 0;
    const attempt = async (signal: AbortSignal): Promise<ProbeAttempt> => {
      flying += 1;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      flying -= 1;
      return { code: 137, output: '' };
    };
    const waiting = untilReady({ attempt, deadline: 60_000, ended: never, signal: gone.signal });
    await sleep(50);
    expect(flying).toBeGreaterThan(0);
    gone.abort();
    await expect(waiting).rejects.toThrow();
    expect(flying).toBe(0);
  });
});
