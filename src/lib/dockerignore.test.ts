import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isHullError } from '../model/errors.ts';
import { ignoreMatcher, readIgnorePatterns } from './dockerignore.ts';

const file = join(
  process.env['HULL_SPEC_DIR'] ?? join(import.meta.dir, '../../../shared/spec'),
  'dockerignore-cases.json',
);
const present = existsSync(file);

/** Docker's own cases: one pattern, one path, matched or not. */
interface Case {
  readonly patterns: string;
  readonly path: string;
  readonly matches: boolean;
}

describe.skipIf(!present)(
  `Docker's ignore cases (skipped where ${file} is absent: set HULL_SPEC_DIR)`,
  () => {
    const cases: Case[] = present ? (JSON.parse(readFileSync(file, 'utf8')) as Case[]) : [];
    test.each(cases.map((row) => [row.patterns, row.path, row.matches] as const))(
      '%s over %s: %p',
      (patterns, path, matches) => {
        expect(ignoreMatcher(patterns.split('\n')).ignores(path)).toBe(matches);
      },
    );
  },
);

describe('ignore files', () => {
  test('comments, blanks and empty lines are no patterns', () => {
    expect(readIgnorePatterns('\uFEFF# note\n\n  /build/  \n./a/../b\n!keep\n')).toEqual([
      'build',
      'b',
      '!keep',
    ]);
  });

  test('the last matching pattern decides', () => {
    const matcher = ignoreMatcher(['*.md', '!README*.md', 'README-secret.md']);
    expect(
      ['NOTES.md', 'README.md', 'README-secret.md', 'main.ts'].map((path) => matcher.ignores(path)),
    ).toEqual([true, false, true, false]);
  });

  test('an ignored folder covers what is below it, and an exception brings back one part', () => {
    const matcher = ignoreMatcher(['vendor', '!vendor/keep']);
    expect(matcher.hasExceptions).toBe(true);
    expect(matcher.ignores('vendor/a/b')).toBe(true);
    expect(matcher.ignores('vendor/keep/b')).toBe(false);
  });

  test('a malformed pattern is named', () => {
    expect(() => ignoreMatcher(['a[b'])).toThrow('malformed pattern "a[b"');
    expect(() => ignoreMatcher(['!'])).toThrow('without a pattern');
  });
});

/** What a person would write without regular expressions: names one by one, `*` within a name, `**` over names. */
function oracle(pattern: string, path: string): boolean {
  const below = (patterns: readonly string[], names: readonly string[]): boolean => {
    const [head, ...tail] = patterns;
    if (head === undefined) return true;
    if (head === '**') {
      if (tail.length === 0) return names.length > 0;
      return names.some((_, index) => below(tail, names.slice(index)));
    }
    const [name, ...rest] = names;
    return name !== undefined && within(head, name) && below(tail, rest);
  };
  const within = (head: string, name: string): boolean => {
    if (head === '') return name === '';
    if (head[0] === '*') return within(head.slice(1), name) || (name !== '' && within(head, name.slice(1)));
    return head[0] === name[0] && within(head.slice(1), name.slice(1));
  };
  return below(pattern.split('/'), path.split('/'));
}

describe('properties', () => {
  const name = fc.stringMatching(/^[ab]{1,3}$/u);
  const patternName = fc.oneof(name, fc.stringMatching(/^[ab]?\*[ab]?$/u), fc.constant('**'));
  const pattern = fc.array(patternName, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));

  test('agrees with a matcher that knows no regular expressions', () => {
    fc.assert(
      fc.property(pattern, path, (glob, file) => {
        expect(ignoreMatcher([glob]).ignores(file)).toBe(oracle(glob, file));
      }),
      { numRuns: 2000 },
    );
  });

  test('arbitrary text gives an answer or a HullError', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, file) => {
        try {
          expect(typeof ignoreMatcher(readIgnorePatterns(text)).ignores(file)).toBe('boolean');
        } catch (error) {
          expect(isHullError(error)).toBe(true);
        }
      }),
    );
  });
});
