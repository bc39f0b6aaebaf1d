import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError } from '../../model/errors.ts';
import { bindText, parseBind } from './mounts.ts';

const word = fc.stringMatching(/^[a-z0-9][a-z0-9_.-]{1,8}$/);
const path = fc.array(word, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);

test('binds and volumes come back as they were written', () => {
  fc.assert(
    fc.property(fc.oneof(word, path), path, fc.boolean(), (source, target, readOnly) => {
      const text = `${source}:${target}${readOnly ? ':ro' : ''}`;
      const { type, options = [], ...rest } = parseBind(text);
      const volume = type === 'volume' ? { volume: rest.source } : {};
      expect(type).toBe(source.startsWith('/') ? 'bind' : 'volume');
      expect(bindText({ ...rest, ...volume, type, options })).toBe(text);
    }),
  );
});

test('any other text is refused as the client’s fault', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        expect(parseBind(text).target.startsWith('/')).toBe(true);
      } catch (error) {
        expect(isHullError(error, 'invalid-argument')).toBe(true);
      }
    }),
  );
});

test.each([
  ['/a:/b', { type: 'bind', source: '/a', target: '/b', readOnly: false }],
  ['/a:/b:ro,rshared,z', { type: 'bind', readOnly: true, options: ['rshared'] }],
  ['vol:/b:nocopy', { type: 'volume', source: 'vol', options: ['nocopy'] }],
  ['/only', { type: 'volume', source: '', target: '/only' }],
  ['/a/../b/:/c//d/', { source: '/b/', target: '/c/d' }],
])('%s', (text, expected) => {
  expect(parseBind(text)).toMatchObject(expected);
});

test.each(['', ':', 'a:', ':/b', '/a:/b:ro:rw', 'x:/b', '../a:/b', '/a:/b:ro,rw', '/a:rel'])(
  'refuses "%s"',
  (text) => {
    expect(() => parseBind(text)).toThrow();
  },
);
