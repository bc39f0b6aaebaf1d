import { describe, expect, test } from 'bun:test';
import { Alarms } from './alarms.ts';
import { after, at } from './timers.ts';

const MONTHS = 2 ** 33;

describe('timers', () => {
  test('a time between two milliseconds is never early', async () => {
    for (let index = 0; index < 20; index++) {
      const time = Date.now() + 1.99;
      await new Promise<void>((resolve) => void at(time, resolve));
      expect(Date.now()).toBeGreaterThanOrEqual(time);
    }
  });

  test('months do not pass at once; what is past or called off does not wait', async () => {
    const done: string[] = [];
    using _delay = after(MONTHS, () => done.push('delay'));
    using _time = at(Date.now() + MONTHS, () => done.push('time'));
    const alarms = new Alarms();
    alarms.set('x', MONTHS, () => done.push('alarm'));
    at(0, () => done.push('past'));
    after(1, () => done.push('called off'))[Symbol.dispose]();
    expect(done).toEqual([]);
    await Bun.sleep(20);
    alarms.cancelAll();
    expect(done).toEqual(['past']);
  });
});
