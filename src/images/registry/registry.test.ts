import { describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { isHullError } from '../../model/errors.ts';
import { complaintOf } from './answers.ts';
import { tokenOf } from './authorization.ts';
import { parseChallenges } from './challenge.ts';
import { endpointsOf, isLoopback } from './endpoints.ts';

describe('challenges', () => {
  test('of every kind that registries send', () => {
    expect(parseChallenges('Basic realm="Registry Realm"')).toEqual([
      { scheme: 'basic', parameters: { realm: 'Registry Realm' } },
    ]);
    expect(
      parseChallenges(
        'Bearer realm="https://auth.example/token",service="r.example",scope="repository:a/b:pull,push"',
      ),
    ).toEqual([
      {
        scheme: 'bearer',
        parameters: {
          realm: 'https://auth.example/token',
          service: 'r.example',
          scope: 'repository:a/b:pull,push',
        },
      },
    ]);
    expect(
      parseChallenges(
        String.raw`BEARER Realm = "a\"b", error=insufficient_scope , Basic realm=x, Negotiate abc==, Other`,
      ),
    ).toEqual([
      { scheme: 'bearer', parameters: { realm: 'a"b', error: 'insufficient_scope' } },
      { scheme: 'basic', parameters: { realm: 'x' } },
      { scheme: 'negotiate', parameters: {} },
      { scheme: 'other', parameters: {} },
    ]);
    expect(parseChallenges('')).toEqual([]);
  });
  test('what is written is read, and anything is survived', () => {
    const token = fc.stringMatching(/^[a-z]{1,8}$/);
    const value = fc.string({ unit: 'binary-ascii' });
    const challenge = fc.record({
      scheme: token,
      parameters: fc.dictionary(token, value, { minKeys: 1, maxKeys: 4 }),
    });
    fc.assert(
      fc.property(fc.array(challenge, { minLength: 1, maxLength: 3 }), (challenges) => {
        const header = challenges
          .map(({ scheme, parameters }) => {
            const pairs = Object.entries(parameters).map(
              ([name, text]) => `${name}="${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`,
            );
            return `${scheme} ${pairs.join(', ')}`;
          })
          .join(', ');
        expect(parseChallenges(header)).toEqual(
          challenges.map(({ scheme, parameters }) => ({ scheme, parameters: { ...parameters } })),
        );
      }),
    );
    fc.assert(fc.property(fc.string({ maxLength: 2000 }), (header) => void parseChallenges(header)));
    // In time that grows with the header alone.
    const before = process.cpuUsage();
    parseChallenges(`Bearer ${'a="'.repeat(5000)}`);
    parseChallenges(`${'\\'.repeat(16_000)}"`);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(500);
  });
});

describe('complaints', () => {
  test('are repeated as Docker does, without what would confuse a terminal', () => {
    const body = JSON.stringify({
      errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest \u001b[1munknown' }],
    });
    expect(complaintOf(404, body)).toEqual({
      code: 'MANIFEST_UNKNOWN',
      text: 'manifest unknown: manifest  [1munknown',
    });
    expect(complaintOf(502, 'Bad\u0007 Gateway').text).toBe(
      'received unexpected HTTP status: 502 (Bad  Gateway)',
    );
  });
  test('of any shape are survived', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (body) => {
        expect(complaintOf(500, body).text).not.toMatch(/\p{Cc}/u);
      }),
    );
    fc.assert(fc.property(fc.jsonValue(), (errors) => void complaintOf(500, JSON.stringify({ errors }))));
  });
});

test('a token is taken from either field; anything else is an error, never a header', () => {
  const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  expect(tokenOf(bytes({ token: 'abc' }))).toBe('abc');
  expect(tokenOf(bytes({ access_token: 'def' }))).toBe('def');
  for (const value of [{}, null, { token: 'a\r\nX: y' }, { token: 1 }, []])
    expect(() => tokenOf(bytes(value))).toThrow('did not include a token');
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      try {
        expect(tokenOf(bytes(value))).toMatch(/^[\x21-\x7e]+$/);
      } catch (error) {
        expect(isHullError(error, 'registry-failed')).toBe(true);
      }
    }),
  );
});

describe('endpoints', () => {
  test('speak TLS, but for this host itself, where anything goes', () => {
    expect(endpointsOf('registry.example:5000', [])).toEqual([
      { origin: 'https://registry.example:5000', tls: {} },
    ]);
    expect(endpointsOf('docker.io', [])).toEqual([{ origin: 'https://registry-1.docker.io', tls: {} }]);
    expect(endpointsOf('localhost:5000', [])).toEqual([
      { origin: 'https://localhost:5000', tls: { anyCertificate: true } },
      { origin: 'http://localhost:5000', tls: {} },
    ]);
    for (const host of ['127.0.0.1', '127.1.2.3:80', '[::1]:5000']) expect(isLoopback(host)).toBe(true);
    for (const host of ['127.0.0.1.example', 'localhost.example', '128.0.0.1', '10.0.0.1'])
      expect(isLoopback(host)).toBe(false);
  });
  test('take certificates from a folder of the registry’s name', () => {
    const folder = mkdtempSync(join(tmpdir(), 'hull-certs-'));
    try {
      const place = join(folder, 'registry.example:5000');
      mkdirSync(place);
      for (const name of ['ca.crt', 'client.cert', 'client.key']) writeFileSync(join(place, name), name);
      expect(endpointsOf('registry.example:5000', [join(folder, 'none'), folder])[0]?.tls).toEqual({
        ca: ['ca.crt'],
        certificate: 'client.cert',
        key: 'client.key',
      });
      rmSync(join(place, 'client.key'));
      expect(() => endpointsOf('registry.example:5000', [folder])).toThrow('missing key client.key');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
