import { expect, test } from 'bun:test';
import { SharedWork } from './shared-work.ts';

test('work that is under way is joined; what comes later begins anew', async () => {
  const shared = new SharedWork<number>();
  let count = 0;
  const release = Promise.withResolvers<void>();
  const work = async (): Promise<number> => {
    count += 1;
    await release.promise;
    return count;
  };
  const both = Promise.all([shared.run('a', work), shared.run('a', work)]);
  release.resolve();
  expect(await both).toEqual([1, 1]);
  expect(await shared.run('a', work)).toBe(2);
});

test('one who goes leaves the work to the others; the last one ends it', async () => {
  const shared = new SharedWork<string>();
  const stopped = Promise.withResolvers<string>();
  const work = (signal: AbortSignal): Promise<string> => {
    signal.addEventListener('abort', () => stopped.resolve('stopped'));
    return new Promise(() => undefined);
  };
  const [one, other] = [new AbortController(), new AbortController()];
  const first = shared.run('a', work, one.signal);
  const second = shared.run('a', work, other.signal);
  one.abort(new Error('one is gone'));
  await expect(first).rejects.toThrow('one is gone');
  other.abort(new Error('all are gone'));
  await expect(second).rejects.toThrow('all are gone');
  expect(await stopped.promise).toBe('stopped');
});

test('a failure is everybody’s', async () => {
  const shared = new SharedWork<number>();
  const fail = (): Promise<number> => Promise.reject(new Error('broken'));
  const results = await Promise.allSettled([shared.run('a', fail), shared.run('a', fail)]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});
