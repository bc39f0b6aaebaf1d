import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError } from '../model/errors.ts';
import { Filters } from './filters.ts';
import { Query } from './query.ts';

const NAMES = ['label', 'name', 'status'];
const values = fc.dictionary(
  fc.constantFrom(...NAMES),
  fc.uniqueArray(fc.string().filter((value) => value !== '__proto__')),
);

describe('Filters', () => {
  test('both shapes mean the same', () => {
    fc.assert(
      fc.property(values, (lists) => {
        const sets = Object.fromEntries(
          Object.entries(lists).map(([name, list]) => [
            name,
            Object.fromEntries([...list.map((value) => [value, true]), ['never', false]]),
          ]),
        );
        const fromLists = Filters.of(JSON.parse(JSON.stringify(lists)), NAMES);
        const fromSets = Filters.of(JSON.parse(JSON.stringify(sets)), NAMES);
        for (const name of NAMES) {
          const known = lists[name]?.filter((value) => value !== 'never') ?? [];
          expect(fromLists.get(name)).toEqual(lists[name] ?? []);
          expect([...fromSets.get(name)].toSorted()).toEqual([...known].toSorted());
        }
      }),
    );
  });

  test('anything else is refused, never a crash', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        try {
          Filters.read(new Query(new URLSearchParams({ filters: text }).toString()), NAMES);
        } catch (error) {
          expect(isHullError(error, 'invalid-argument')).toBe(true);
        }
      }),
    );
  });

  test('unknown names are refused by name', () => {
    expect(() => Filters.of({ colour: ['red'] }, NAMES)).toThrow("invalid filter 'colour'");
  });

  test('labels: key, key=value, all of them', () => {
    const labels = { a: '1', b: 'x=y' };
    const passes = (...wanted: string[]) => Filters.of({ label: wanted }, NAMES).labels(labels);
    expect(passes('a')).toBe(true);
    expect(passes('a=1', 'b=x=y')).toBe(true);
    expect(passes('a=2')).toBe(false);
    expect(passes('a', 'c')).toBe(false);
    expect(passes('toString')).toBe(false);
  });

  test('flags', () => {
    expect(Filters.of({ status: ['true'] }, NAMES).flag('status')).toBe(true);
    expect(Filters.of({ status: ['0'] }, NAMES).flag('status')).toBe(false);
    expect(Filters.of({}, NAMES).flag('status')).toBeUndefined();
    for (const wrong of [['perhaps'], ['True'], ['true', 'false']]) {
      const message = `invalid filter 'status=[${wrong.join(' ')}]'`;
      expect(() => Filters.of({ status: wrong }, NAMES).flag('status')).toThrow(message);
    }
  });

  test.each(['[', '[]', '"a"', '1', '{"label":"a"}', '{"label":[1]}', '{"label":{"a":1}}'])(
    '%s is refused',
    (text) => {
      expect(() => Filters.read(new Query(`filters=${encodeURIComponent(text)}`), NAMES)).toThrow(
        'invalid filter',
      );
    },
  );

  test.each(['', '{}', 'null', '{"label":null}', '{"label":[]}', '{"label":{}}'])(
    '"%s" filters nothing',
    (text) => {
      const filters = Filters.read(new Query(`filters=${encodeURIComponent(text)}`), NAMES);
      expect(filters.has('label')).toBe(false);
    },
  );
});
