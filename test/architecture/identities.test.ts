import { expect, test } from 'bun:test';
import { lineAt, sourceFiles, withoutComments } from './source-files.ts';

/** Two runs may be on one host: engines with one tag would share their control groups and remove each other's. */
test('no test that touches the host writes an engine’s tag down: testIdentity draws one', () => {
  const places = sourceFiles('test').flatMap(({ path, text }) =>
    [...withoutComments(text).matchAll(/\btag: '|\bdataDir: [^,]+, runDir:/g)].map(
      (match) => `${path}:${lineAt(text, match.index)}`,
    ),
  );
  expect(places.filter((place) => !place.startsWith('test/support/identity.ts:'))).toEqual([]);
});
