import { describe, expect, test } from 'bun:test';
import { isHullError } from '../model/errors.ts';
import { dockerRoutes } from './docker/routes.ts';
import { instanceUpdateRoutes } from './instance-update.ts';
import { nativeRoutes } from './native/routes.ts';
import { Router, splitVersion } from './router.ts';

const router = new Router([...dockerRoutes, ...nativeRoutes, ...instanceUpdateRoutes]);

describe('Router', () => {
  test.each([
    ['GET', '/containers/json', {}],
    ['GET', '/containers/a%20b/json', { id: 'a b' }],
    ['GET', '/images/json', {}],
    ['GET', '/images/docker.io/library/debian:12/json', { name: 'docker.io/library/debian:12' }],
    ['GET', '/images/json/json', { name: 'json' }],
    ['DELETE', '/images/localhost:5000/a/b:1', { name: 'localhost:5000/a/b:1' }],
    ['GET', '/hull/v1/instances/web/footprint', { id: 'web' }],
    ['HEAD', '/_ping', {}],
    ['GET', '/swarm', {}],
    ['POST', '/plugins/x/y/set', { name: 'x/y' }],
  ])('%s %s', (method, path, params) => {
    expect({ ...router.find(method, path)?.params }).toEqual(params);
  });

  test.each([
    ['GET', '/'],
    ['GET', '/containers'],
    ['GET', '/containers//json'],
    ['PATCH', '/containers/json'],
    ['POST', '/containers/json'],
    ['GET', '/_pingx'],
    ['GET', '/containersXjson'],
    ['GET', '/hull/v2/info'],
  ])('nothing for %s %s', (method, path) => {
    expect(router.find(method, path)).toBeNull();
  });

  test('no request is answered by two rows', () => {
    const keys = [...dockerRoutes, ...nativeRoutes, ...instanceUpdateRoutes].map(
      ({ method, path }) => `${method} ${path.replaceAll(/[:*]\w+/g, '_')}`,
    );
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
  });
});

describe('splitVersion', () => {
  test.each([
    ['/v1.24/info', '/info', 24],
    ['/v1.51/containers/json', '/containers/json', 51],
    ['/info', '/info', 51],
    ['/v1.41', '', 41],
    ['/version', '/version', 51],
  ])('%s', (raw, path, apiMinor) => {
    expect(splitVersion(raw)).toEqual({ path, apiMinor });
  });

  test.each(['/v1.23/info', '/v1.52/info', '/v2.0/info', '/v0.9/info', '/v1.999999/info'])(
    'refuses %s',
    (path) => {
      expect(() => splitVersion(path)).toThrow(/client version .* is too (new|old)/);
    },
  );
});

test('a malformed escape is the client’s fault', () => {
  try {
    router.find('GET', '/containers/%zz/json');
    throw new Error('accepted');
  } catch (error) {
    expect(isHullError(error, 'invalid-argument')).toBe(true);
  }
});
