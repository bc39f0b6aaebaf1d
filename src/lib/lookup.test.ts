import { expect, test } from 'bun:test';
import { findByNameOrId } from './lookup.ts';

const all = [
  { id: 'abc1', name: 'web' },
  { id: 'abc2', name: 'db' },
  { id: 'def0', name: 'abc' },
  { id: 'fff0', name: 'abc1' },
];
const parts = { id: (each: { id: string }) => each.id, name: (each: { name: string }) => each.name };

test.each([
  ['abc1', 'abc1'],
  ['db', 'abc2'],
  ['abc', 'def0'],
  ['d', 'def0'],
  ['ab', 2],
  ['we', 0],
  ['', 0],
])('%p finds %p', (wanted, expected) => {
  const found = findByNameOrId(all, wanted, parts);
  expect('one' in found ? found.one.id : found.matches).toBe(expected);
});

test('a beginning may have to be longer', () => {
  expect(findByNameOrId(all, 'de', { ...parts, shortest: 3 })).toEqual({ matches: 0 });
  expect(findByNameOrId(all, 'def', { ...parts, shortest: 3 })).toMatchObject({ one: { id: 'def0' } });
});
