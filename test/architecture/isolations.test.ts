import { expect, test } from 'bun:test';
import { lineAt, sourceFiles, withoutComments } from './source-files.ts';

/** Questions of the form "which isolation is it?" where the traits beside the drivers have the answer. */
const COMPARISON = /\bisolation\s*[!=]==(?!\s*(?:undefined|null)\b)|\bcase '(?:vm|sandbox)'/g;
const DRIVERS = /^src\/runtime\//;

test('nothing above the drivers asks which isolation an instance has', () => {
  const found = sourceFiles('src')
    .filter(({ path }) => !DRIVERS.test(path) && !path.includes('.test.'))
    .flatMap((file) => {
      const code = withoutComments(file.text);
      return [...code.matchAll(COMPARISON)].map((match) => `${file.path}:${lineAt(code, match.index)}`);
    });
  expect(found).toEqual([]);
});
