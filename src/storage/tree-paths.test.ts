import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { cleanName } from './tree-paths.ts';

/** Part by part, without the way for names that are clean already. */
function plainly(name: string): string | null {
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.join('/');
}

function cleaned(name: string): string | null {
  try {
    return cleanName(name);
  } catch {
    return null;
  }
}

describe('names of members', () => {
  test.each(['../x', '/../x', '/..', '..', 'a/../../x', '/./../x', '//../x'])('%s is refused', (name) => {
    expect(() => cleanName(name)).toThrow('leads out of its folder');
  });

  test.each([
    ['a/b', 'a/b'],
    ['/a', 'a'],
    ['./a//b/', 'a/b'],
    ['a/../b', 'b'],
    ['...', '...'],
    ['a\n/..b', 'a\n/..b'],
    ['/', ''],
    ['', ''],
  ])('%j is %j', (name, clean) => {
    expect(cleanName(name)).toBe(clean);
  });

  test('are the same however they are cleaned', () => {
    const part = fc.constantFrom('', '.', '..', '...', 'a', '.b', '\n');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 7 }), (parts) => {
        expect(cleaned(parts.join('/'))).toBe(plainly(parts.join('/')));
      }),
      { numRuns: 2000 },
    );
  });
});
