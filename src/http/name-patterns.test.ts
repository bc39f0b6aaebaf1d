import { describe, expect, test } from 'bun:test';
import { Filters } from './filters.ts';
import { namePatterns } from './name-patterns.ts';

const passing = (values: readonly string[] | undefined, names: readonly string[]) =>
  names.filter(namePatterns(Filters.of(values === undefined ? {} : { name: values }, ['name']), 'name'));

describe('filters of names', () => {
  const names = ['web', 'web-1', 'db', 'a[b'];
  test.each([
    [undefined, names],
    [['web'], ['web', 'web-1']],
    [['^web$'], ['web']],
    [['^(web|db)$'], ['web', 'db']],
    [
      ['^db$', '1$'],
      ['web-1', 'db'],
    ],
    // No expression: itself alone, as with Docker.
    [['a[b'], ['a[b']],
    [['['], []],
    [[''], names],
  ])('%p: %p', (values, expected) => {
    expect(passing(values, names)).toEqual(expected);
  });

  test('no expression keeps everybody waiting', () => {
    const begun = process.cpuUsage();
    expect(passing(['(a+)+$', '^(a|a)*$'], [`${'a'.repeat(63)}!`])).toEqual([]);
    expect(process.cpuUsage(begun).user / 1000).toBeLessThan(500);
  });
});
