import { expect, test } from 'bun:test';
import { Idle } from './idle.ts';

test('tidies once after each time of activity, not during it', async () => {
  let tidied = 0;
  const idle = new Idle(() => (tidied += 1), 30);
  for (let index = 0; index < 5; index++) {
    idle.touch();
    await Bun.sleep(10);
  }
  expect(tidied).toBe(0);
  await Bun.sleep(100);
  expect(tidied).toBe(1);
  await Bun.sleep(100);
  expect(tidied).toBe(1);
  idle.touch();
  await Bun.sleep(100);
  expect(tidied).toBe(2);
});
