import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { linearRegex } from './linear-regex.ts';

/** Each takes the platform's own expressions minutes and more with the text below. */
const CATASTROPHIC = [
  '(a+)+$',
  '^(a|a)*$',
  '(a|aa)+$',
  '([a-z]+)*1',
  '(.*a){12}$',
  '^(([a-z])+.)+[A-Z]([a-z])+$',
];
const TEXT = `${'a'.repeat(60)}!`;
/** Milliseconds of CPU time. */
const SOON = 500;

describe('a regular expression of somebody else', () => {
  for (const pattern of CATASTROPHIC) {
    test(`${pattern} does not block`, () => {
      const begun = process.cpuUsage();
      expect(linearRegex(pattern).test(TEXT)).toBe(false);
      expect(process.cpuUsage(begun).user / 1000).toBeLessThan(SOON);
    });
  }

  test.each([
    ['web', 'my-web-1', true],
    ['^web', 'my-web-1', false],
    ['^/?web[0-9]+$', '/web12', true],
    [String.raw`^db\.main$`, 'db.main', true],
    [String.raw`^db\.main$`, 'dbxmain', false],
    ['d.b', 'dxb', true],
    ['(?i)WEB', 'web', true],
    ['a|b', 'xbx', true],
    ['', 'anything', true],
    [String.raw`^\p{Greek}+$`, 'αβγ', true],
  ])('%p in %p: %p', (pattern, text, found) => {
    expect(linearRegex(pattern).test(text)).toBe(found);
  });

  test.each([
    '(',
    '[',
    'a**',
    String.raw`(a)\1`,
    '(?=a)',
    '*',
    '((a{1000}){1000})',
    '(a?){1000}a{1000}',
    '(a{900}b?){2}',
  ])('%p is refused', (pattern) => {
    expect(() => linearRegex(pattern)).toThrow();
  });

  test('whatever comes, the answer comes soon', () => {
    const pieces = fc.constantFrom(
      'a',
      'b',
      '.',
      '*',
      '+',
      '?',
      '(',
      ')',
      '|',
      '[ab]',
      '^',
      '$',
      '{2,30}',
      '{500}',
      String.raw`\w`,
      '-',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 20 }), (parts) => {
        const begun = process.cpuUsage();
        try {
          linearRegex(parts.join('')).test(TEXT);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
        expect(process.cpuUsage(begun).user / 1000).toBeLessThan(SOON);
      }),
      { numRuns: 300 },
    );
  });

  test('names mean what they mean to the platform, with and without anchors', () => {
    const names = fc.string({ unit: fc.constantFrom('a', 'b', '-', '_', '.', '/', '1'), maxLength: 8 });
    fc.assert(
      fc.property(
        names,
        names,
        fc.constantFrom('', '^'),
        fc.constantFrom('', '$'),
        (name, text, begin, end) => {
          const pattern = `${begin}${name}${end}`;
          expect(linearRegex(pattern).test(text)).toBe(new RegExp(pattern).test(text));
          // The other dialect's matcher says the same: a group makes it take the pattern.
          expect(linearRegex(`(?:${pattern})`).test(text)).toBe(new RegExp(pattern).test(text));
        },
      ),
    );
  });
});
