import { expect, test } from 'bun:test';
import { within } from './endings.ts';

const never = new Promise<string>(() => undefined);

test('patience has its length, be it months', async () => {
  expect(await within(never, 0.01)).toBeNull();
  expect(await within(Promise.resolve('over'), 60)).toBe('over');
  const early = await Promise.race([within(never, 3_000_000), Bun.sleep(30).then(() => 'waiting')]);
  expect(early).toBe('waiting');
});
