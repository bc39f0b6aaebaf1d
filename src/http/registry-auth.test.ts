import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { HullError } from '../model/errors.ts';
import { registryAuth, registryConfig } from './registry-auth.ts';

const encoded = (value: unknown, encoding: 'base64' | 'base64url' = 'base64url') =>
  Buffer.from(JSON.stringify(value)).toString(encoding);

test('nothing, an empty object and null are nobody', () => {
  for (const header of [undefined, '', ' ', encoded({}), encoded(null)])
    expect(registryAuth(header)).toEqual({});
});

test('field names in the case of any client, unknown ones ignored', () => {
  expect(registryAuth(encoded({ IdentityToken: 't', ServerAddress: 's', username: 'u', other: 5 }))).toEqual({
    identityToken: 't',
    serverAddress: 's',
    username: 'u',
  });
});

test('auth counts where no user is named', () => {
  const auth = Buffer.from('me:pass:word').toString('base64');
  expect(registryAuth(encoded({ auth }))).toEqual({ username: 'me', password: 'pass:word' });
  expect(registryAuth(encoded({ auth, username: 'you', password: 'p' }))).toEqual({
    username: 'you',
    password: 'p',
  });
});

test('both alphabets, padded or not', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', minLength: 1 }),
      fc.string({ minLength: 1 }),
      (username, password) => {
        for (const encoding of ['base64', 'base64url'] as const) {
          const text = encoded({ username, password }, encoding);
          const bare = text.replace(/=+$/, '');
          const padded = bare.padEnd(Math.ceil(bare.length / 4) * 4, '=');
          for (const header of [text, bare, padded])
            expect(registryAuth(header)).toEqual({ username, password });
        }
      },
    ),
  );
});

test.each([
  ['no base64', '!!'],
  ['no JSON', Buffer.from('{"username":').toString('base64')],
  ['no object', encoded(['a'])],
  ['a wrong type', encoded({ username: 7 })],
  ['auth that is none', encoded({ auth: 'AAAA' })],
])('%s is refused, without repeating it', (_title, header) => {
  expect(() => registryAuth(header)).toThrow('X-Registry-Auth');
  try {
    registryAuth(header);
  } catch (error) {
    expect((error as HullError).code).toBe('invalid-argument');
    expect((error as HullError).message).not.toContain(header);
  }
});

test('whatever comes is read or refused', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.base64String(),
        fc.json().map((text) => btoa(encodeURI(text))),
      ),
      (header) => {
        try {
          registryAuth(header);
          registryConfig(header);
        } catch (error) {
          expect(error).toBeInstanceOf(HullError);
        }
      },
    ),
  );
});

test('a configuration names registries', () => {
  const header = encoded({ 'a:5000': { username: 'u', password: 'p' }, 'https://index.docker.io/v1/': {} });
  expect([...registryConfig(header)]).toEqual([
    ['a:5000', { username: 'u', password: 'p' }],
    ['https://index.docker.io/v1/', {}],
  ]);
  expect(registryConfig(undefined).size).toBe(0);
  expect(() => registryConfig(encoded({ a: 'x' }))).toThrow('X-Registry-Config.a');
});
