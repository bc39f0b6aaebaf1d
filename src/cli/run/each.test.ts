import { expect, test } from 'bun:test';
import type { CliIo } from '../io.ts';
import { forEach } from './each.ts';

function recorder(): { io: CliIo; said: string[] } {
  const said: string[] = [];
  const note = (text: string): void => void said.push(text);
  return { io: { out: note, err: note } as unknown as CliIo, said };
}

test('works on several at once, and tells of them in their order', async () => {
  const { io, said } = recorder();
  let most = 0;
  let now = 0;
  const targets = Array.from({ length: 40 }, (_, index) => `t${index}`);
  const status = await forEach(io, targets, async (target) => {
    most = Math.max(most, (now += 1));
    await Bun.sleep(target === 't0' ? 20 : 1);
    now -= 1;
    if (target === 't3') throw new Error('no');
  });
  expect(status).toBe(1);
  expect(said).toEqual(targets.map((target) => (target === 't3' ? 'hull: no\n' : `${target}\n`)));
  expect(most).toBe(16);
});
