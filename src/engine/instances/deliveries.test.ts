import { describe, expect, test } from 'bun:test';
import { Deliveries } from './deliveries.ts';

describe('the end of a run waits', () => {
  test('for nobody where nobody is attached', async () => {
    await new Deliveries().whole('a');
  });

  test('for all who are attached to it, and for them alone', async () => {
    const deliveries = new Deliveries();
    const said: string[] = [];
    const [first, second] = [deliveries.begin('a'), deliveries.begin('a')];
    deliveries.begin('b');
    const whole = deliveries.whole('a').then(() => said.push('whole'));
    first();
    await Bun.sleep(1);
    said.push('first');
    second();
    second();
    await whole;
    expect(said).toEqual(['first', 'whole']);
  });

  test('no longer than the grace period for one that does not read', async () => {
    const deliveries = new Deliveries();
    deliveries.begin('a');
    await deliveries.whole('a');
  });
});
