import { expect, test } from 'bun:test';
import { isTest, lineAt, sourceFiles, withoutComments } from './source-files.ts';

/** Expressions that are put together from the program's own words. */
const OWN_WORDS: ReadonlySet<string> = new Set([
  'src/engine/compare/machine-place.ts',
  'src/engine/system.ts',
  'src/host/host-limits.ts',
  'src/host/process-isolation.ts',
  'src/host/processes.ts',
  'src/http/router.ts',
  'src/lib/linear-regex.ts',
  'src/model/reference.ts',
  'src/network/forwarding.ts',
]);

/** Text from outside is a glob (`lib/glob.ts`) or an expression of RE2 (`lib/linear-regex.ts`): the runtime's own expressions backtrack. */
test('no regular expression is made of text from outside', () => {
  const made = sourceFiles('src')
    .filter(({ path }) => !isTest(path) && !OWN_WORDS.has(path))
    .flatMap(({ path, text }) =>
      [...withoutComments(text).matchAll(/\bRegExp\(/g)].map(
        (match) => `${path}:${lineAt(text, match.index)}`,
      ),
    );
  expect(made).toEqual([]);
});

/** Rooms whose JSON is other people's. */
const OUTSIDE = ['src/http', 'src/images', 'src/build'];

test('JSON from outside is parsed within bounds: its depth and its values', () => {
  const unbounded = sourceFiles(...OUTSIDE)
    .filter(({ path }) => !isTest(path))
    .flatMap(({ path, text }) =>
      [...withoutComments(text).matchAll(/\bJSON\.parse\(/g)].map(
        (match) => `${path}:${lineAt(text, match.index)}`,
      ),
    );
  expect(unbounded).toEqual([]);
});
