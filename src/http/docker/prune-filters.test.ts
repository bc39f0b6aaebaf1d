import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError } from '../../model/errors.ts';
import { Filters } from '../filters.ts';
import { labelsMatch, PRUNE_FILTERS, untilTime } from './prune-filters.ts';

const filters = (value: object): Filters => Filters.of(value, PRUNE_FILTERS);
const NOW = 1_000_000_000_000;

test('until: seconds, dates, durations back from now, nothing', () => {
  const until = (text: string): number => untilTime(filters({ until: [text] }), NOW);
  expect(until('1700000000')).toBe(1_700_000_000_000);
  expect(until('1700000000.5')).toBe(1_700_000_000_500);
  expect(until('2024-01-02T03:04:05Z')).toBe(Date.UTC(2024, 0, 2, 3, 4, 5));
  expect(until('1h30m')).toBe(NOW - 5_400_000);
  expect(until('10s')).toBe(NOW - 10_000);
  expect(untilTime(filters({}), NOW)).toBe(Number.POSITIVE_INFINITY);
  expect(until('0')).toBe(0);
  expect(() => until('Jan 1 2020')).toThrow('failed to parse');
  expect(() => until('soon')).toThrow('failed to parse "soon"');
  expect(() => untilTime(filters({ until: ['1h', '2h'] }))).toThrow('more than one');
});

test('labels: all wanted, none unwanted', () => {
  const labels = { a: '1', b: '' };
  expect(labelsMatch(filters({ label: ['a', 'a=1'] }), labels)).toBe(true);
  expect(labelsMatch(filters({ label: ['a=2'] }), labels)).toBe(false);
  expect(labelsMatch(filters({ 'label!': { c: true, 'a=2': true } }), labels)).toBe(true);
  expect(labelsMatch(filters({ label: ['a'], 'label!': ['b'] }), labels)).toBe(false);
});

test('any text is a time or refused', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        expect(untilTime(filters({ until: [text] }), NOW)).not.toBeNaN();
      } catch (error) {
        expect(isHullError(error, 'invalid-argument')).toBe(true);
      }
    }),
  );
});
