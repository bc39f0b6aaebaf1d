import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Query } from './query.ts';

describe('Query', () => {
  test.each([
    ['', false],
    ['f=', false],
    ['f=0', false],
    ['f=false', false],
    ['f=No', false],
    ['f=none', false],
    ['f=1', true],
    ['f=true', true],
    ['f=anything', true],
  ])('flag of "%s"', (search, expected) => {
    expect(new Query(search).flag('f')).toBe(expected);
  });

  test.each([
    ['all=%zz', '"%zz"'],
    ['a=1&b=%', '"%"'],
    ['%4=x', '"%4="'],
  ])('%s has a malformed escape', (search, shown) => {
    expect(() => new Query(search)).toThrow(`invalid URL escape ${shown}`);
  });

  test('integers come back as they were', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (number) => {
        expect(new Query(`n=${number}`).integer('n')).toBe(number);
      }),
    );
  });

  test.each(['1.5', 'x', '1e3', '0x10', '99999999999999999999', ' 1'])('%s is no integer', (text) => {
    expect(() => new Query(new URLSearchParams({ n: text }).toString()).integer('n')).toThrow('"n"');
  });

  test.each([
    ['1700000000', 1_700_000_000_000_000_000n],
    ['1700000000.250000001', 1_700_000_000_250_000_001n],
    ['2026-01-02T03:04:05Z', BigInt(Date.UTC(2026, 0, 2, 3, 4, 5)) * 1_000_000n],
    ['0', null],
    ['', null],
  ])('time %s', (text, expected) => {
    expect(new Query(`t=${text}`).time('t')).toBe(expected);
  });

  test('a time that is none is refused by name', () => {
    expect(() => new Query('since=yesterday').time('since')).toThrow('"since"');
  });

  test('maps of strings: null values are left out, others are refused', () => {
    const of = (value: unknown) =>
      new Query(new URLSearchParams({ m: JSON.stringify(value) }).toString()).strings('m');
    expect(of({ a: '1', b: null })).toEqual({ a: '1' });
    expect(() => of({ a: 1 })).toThrow('"m.a"');
    expect(() => of(['a'])).toThrow('"m"');
    expect(new Query('').strings('m')).toEqual({});
  });
});
