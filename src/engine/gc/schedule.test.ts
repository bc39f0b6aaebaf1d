import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { readSchedule } from './gc.ts';

const good = {
  policy: { kinds: ['image', 'volume'], olderThan: 1000, keep: 2, maxBytes: null },
  every: 60_000,
};

test('a policy comes back as it was written', () => {
  expect(readSchedule(JSON.stringify(good))).toEqual(good as ReturnType<typeof readSchedule>);
});

test('a policy that lacks a bound, or has another thing in its place, is none', () => {
  const places = ['kinds', 'olderThan', 'keep', 'maxBytes'] as const;
  const strange = fc.constantFrom(undefined, 'all', -1, {}, true, ['everything']);
  fc.assert(
    fc.property(fc.constantFrom(...places), strange, (place, value) => {
      const policy = { ...good.policy, [place]: value };
      return readSchedule(JSON.stringify({ ...good, policy })) === null;
    }),
  );
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => readSchedule(text) === null));
});
