import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError } from './errors.ts';
import { familiarReference, formatReference, normalizeReference, parseReference } from './reference.ts';

const HEX = 'a'.repeat(64);

test.each([
  ['debian', 'docker.io/library/debian:latest', 'debian:latest'],
  ['debian:bookworm-slim', 'docker.io/library/debian:bookworm-slim', 'debian:bookworm-slim'],
  ['library/debian', 'docker.io/library/debian:latest', 'debian:latest'],
  ['index.docker.io/debian', 'docker.io/library/debian:latest', 'debian:latest'],
  ['docker.io/me/app', 'docker.io/me/app:latest', 'me/app:latest'],
  ['localhost/app', 'localhost/app:latest', 'localhost/app:latest'],
  ['localhost:5000/a/b:tag', 'localhost:5000/a/b:tag', 'localhost:5000/a/b:tag'],
  [
    `localhost:5000/a/b:tag@sha256:${HEX}`,
    `localhost:5000/a/b:tag@sha256:${HEX}`,
    `localhost:5000/a/b:tag@sha256:${HEX}`,
  ],
  [`debian@sha256:${HEX}`, `docker.io/library/debian@sha256:${HEX}`, `debian@sha256:${HEX}`],
  ['ghcr.io/a/b__c-d.e', 'ghcr.io/a/b__c-d.e:latest', 'ghcr.io/a/b__c-d.e:latest'],
  ['[::1]:5000/x', '[::1]:5000/x:latest', '[::1]:5000/x:latest'],
  ['Host/app', 'Host/app:latest', 'Host/app:latest'],
  ['docker.io/library/a/b', 'docker.io/library/a/b:latest', 'library/a/b:latest'],
])('%s', (given, canonical, familiar) => {
  expect(normalizeReference(given)).toBe(canonical);
  expect(familiarReference(canonical)).toBe(familiar);
  expect(normalizeReference(familiar)).toBe(canonical);
});

test.each([
  '',
  ':tag',
  'Debian',
  'a//b',
  '/a',
  'a/',
  'a:',
  'a:-x',
  `a:${'t'.repeat(129)}`,
  'a@sha256:12',
  'a@b@c',
  HEX,
  'a..b',
  '-a',
  'a-',
  'a b',
  'http://a/b',
  `a/${'x'.repeat(300)}`,
  'a\nb',
])('%j is refused', (text) => {
  expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'invalid-reference' }));
});

test('any text is parsed or refused; what is parsed stays the same', () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?$/);
  const likely = fc
    .tuple(
      fc.constantFrom('', 'localhost/', 'host.example:80/', 'UP/'),
      fc.array(part, { minLength: 1, maxLength: 3 }),
      fc.option(fc.stringMatching(/^\w[\w.-]{0,9}$/)),
      fc.boolean(),
    )
    .map(
      ([domain, path, tag, digest]) =>
        `${domain}${path.join('/')}${tag === null ? '' : `:${tag}`}${digest ? `@sha256:${HEX}` : ''}`,
    );
  fc.assert(
    fc.property(fc.oneof(fc.string(), likely), (text) => {
      let canonical: string;
      try {
        canonical = formatReference(parseReference(text));
      } catch (error) {
        expect(isHullError(error, 'invalid-reference')).toBe(true);
        return;
      }
      expect(formatReference(parseReference(canonical))).toBe(canonical);
      expect(formatReference(parseReference(familiarReference(canonical)))).toBe(canonical);
    }),
    { numRuns: 1000 },
  );
});
