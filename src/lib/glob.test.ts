import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError } from '../model/errors.ts';
import { Glob, type GlobDialect, GlobError } from './glob.ts';
import { codesOf } from './glob-syntax.ts';
import { StepBudget } from './step-budget.ts';

/** What a pattern means, written down without thought for time: every way is tried. */
function reference(pattern: string, text: string, dialect: GlobDialect): boolean {
  const [head, ...tail] = Array.from(pattern);
  const rest = tail.join('');
  const [first, ...others] = Array.from(text);
  const after = others.join('');
  if (head === undefined) return text === '';
  if (dialect === 'ignore' && head === '*' && rest.startsWith('*')) {
    const below = rest.startsWith('*/') ? rest.slice(2) : rest.slice(1);
    if (below === '') return true;
    const ends = Array.from(text, (character, index) => (character === '/' ? index + 1 : -1));
    return [0, ...ends].some((end) => end >= 0 && reference(below, text.slice(end), dialect));
  }
  const within = dialect === 'shell' || first !== '/';
  if (head === '*') {
    return (
      reference(rest, text, dialect) || (first !== undefined && within && reference(pattern, after, dialect))
    );
  }
  if (first === undefined) return false;
  if (head === '?') return within && reference(rest, after, dialect);
  if (head === '\\' && rest !== '') return rest.startsWith(first) && reference(rest.slice(1), after, dialect);
  return head === first && reference(rest, after, dialect);
}

const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '☃'), maxLength: 8 });
const pattern = fc
  .array(fc.constantFrom('a', 'b', '/', '☃', '*', '?', '\\a', '\\*'), { maxLength: 7 })
  .map((parts) => parts.join(''));
/** `**` before text alone is another rule (`**file`), which Docker's cases know. */
const folders = fc
  .array(fc.constantFrom('a', 'b', '*', '?', 'a*', '**'), { minLength: 1, maxLength: 4 })
  .map((names) => names.join('/'));

describe('a glob', () => {
  test.each([
    ['path', 'a*', 'ab', true],
    ['path', 'a*', 'a/b', false],
    ['path', 'a?b', 'a/b', false],
    ['path', '[a-c]x', 'bx', true],
    ['path', '[^a-c]x', 'bx', false],
    ['path', '[^a-c]x', 'zx', true],
    ['path', String.raw`[\]\-]`, ']', true],
    ['path', String.raw`\*`, '*', true],
    ['path', String.raw`\*`, 'a', false],
    ['path', 'a**b', 'a/b', false],
    ['path', '☃?', '☃𝒳', true],
    ['ignore', '**file', 'dir/xfile', true],
    ['ignore', 'a**/*.txt', 'a/b/c.txt', true],
    ['ignore', '**/x', 'yx', false],
    ['ignore', '**/x', 'x', true],
    ['shell', '*.gz', 'a/b.gz', true],
    ['shell', '[a]', 'a', false],
    ['shell', '[a]', '[a]', true],
    ['shell', 'a\\', 'a\\', true],
    ['shell', '?', '\n', true],
  ] as const)('%s: %p over %p is %p', (dialect, glob, subject, matches) => {
    expect(Glob.of(glob, dialect).matches(subject)).toBe(matches);
  });

  test.each(['[', '[]', '[^', '[a', '[a-', '[a-]', '[-a]', '[\\', 'a\\'])('%p is malformed', (glob) => {
    expect(() => Glob.of(glob, 'path')).toThrow(GlobError);
    expect(() => Glob.of(glob, 'ignore')).toThrow(GlobError);
  });

  test('means what the plain definition says', () => {
    for (const dialect of ['path', 'shell'] as const) {
      fc.assert(
        fc.property(pattern, text, (glob, subject) => {
          expect(Glob.of(glob, dialect).matches(subject)).toBe(reference(glob, subject, dialect));
        }),
        { numRuns: 3000 },
      );
    }
    fc.assert(
      fc.property(folders, text, (glob, subject) => {
        expect(Glob.of(glob, 'ignore').matches(subject)).toBe(reference(glob, subject, 'ignore'));
      }),
      { numRuns: 3000 },
    );
  });

  test('beginnings, ends and parts are those that the plain definition finds', () => {
    fc.assert(
      fc.property(pattern, text, fc.boolean(), (glob, subject, longest) => {
        const characters = Array.from(subject);
        const codes = codesOf(subject);
        const lengths = Array.from({ length: characters.length + 1 }, (_, length) => length);
        const pick = (fits: readonly number[]) => (longest ? fits.at(-1) : fits[0]) ?? null;
        const compiled = Glob.of(glob, 'shell');
        const part = (from: number, to: number) =>
          reference(glob, characters.slice(from, to).join(''), 'shell');
        expect(compiled.beginning(codes, longest)).toBe(pick(lengths.filter((end) => part(0, end))));
        const ends = lengths.filter((length) => part(characters.length - length, characters.length));
        expect(compiled.reversed().beginning(codes.toReversed(), longest)).toBe(pick(ends));
        const starts = lengths.flatMap((start) => {
          const end = lengths.findLast((to) => to >= start && part(start, to));
          return end === undefined ? [] : [{ start, end }];
        });
        expect(compiled.find(codes, 0)).toEqual(starts[0] ?? null);
      }),
      { numRuns: 3000 },
    );
  });

  test('arbitrary text is a glob or a GlobError', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (glob, subject) => {
        for (const dialect of ['path', 'ignore', 'shell'] as const) {
          try {
            expect(typeof Glob.of(glob, dialect).matches(subject)).toBe('boolean');
          } catch (error) {
            expect(error).toBeInstanceOf(GlobError);
          }
        }
      }),
    );
  });

  test('takes steps in proportion to both lengths, and stops when they are used up', () => {
    const steps = (length: number): number => {
      let used = 0;
      const budget = new StepBudget('this', 1e9);
      const spend = budget.spend.bind(budget);
      budget.spend = (count) => {
        used += count;
        spend(count);
      };
      Glob.of('*a*a*a*a*a*b', 'shell', budget).matches('a'.repeat(length));
      return used;
    };
    expect(steps(2000)).toBeLessThan(2000 * 13);
    const small = Glob.of('*a*a*a*b', 'shell', new StepBudget('the line', 1000));
    try {
      small.matches('a'.repeat(1000));
      expect.unreachable();
    } catch (error) {
      expect(isHullError(error, 'invalid-argument')).toBe(true);
    }
  });
});
