import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError } from '../../model/errors.ts';
import { parseBind, parseMount } from './mounts.ts';

const word = fc.stringMatching(/^[a-z0-9][a-z0-9_.-]{1,8}$/);
const path = fc.array(word, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);

test('binds and volumes are what was written', () => {
  fc.assert(
    fc.property(fc.oneof(word, path), path, fc.boolean(), (source, target, readOnly) => {
      expect(parseBind(`${source}:${target}${readOnly ? ':ro' : ''}`)).toMatchObject({
        type: source.startsWith('/') ? 'bind' : 'volume',
        source,
        target,
        readOnly,
      });
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
  ['vol:/b:nocopy', { type: 'volume', source: 'vol', noCopy: true, mode: 'nocopy' }],
  ['/only', { type: 'volume', source: '', target: '/only' }],
  ['/a/../b/:/c//d/', { source: '/b/', target: '/c/d' }],
])('%s', (text, expected) => {
  expect(parseBind(text)).toMatchObject(expected);
});

// Docker's words: clients show them to people, and some look for them.
test.each([
  ['', "invalid volume specification: ''"],
  [':', "invalid volume specification: ':'"],
  [':/b', "invalid volume specification: ':/b'"],
  ['/a:ro', "invalid volume specification: '/a:ro'"],
  ['/a:/b:ro:rw', "invalid volume specification: '/a:/b:ro:rw'"],
  ['/a:/b:ro,rw', 'invalid mode: ro,rw'],
  ['/a:/b:wrong', 'invalid mode: wrong'],
  ['/a:/b:z,Z', 'invalid mode: z,Z'],
  ['/a:rel', "invalid mount path: 'rel' mount path must be absolute"],
  ['/a:/', "destination can't be '/'"],
  ['x:/b', 'create x: volume name is too short, names should be at least two alphanumeric characters'],
  ['../a:/b', 'If you intended to pass a host directory, use absolute path'],
])('refuses "%s"', (text, message) => {
  expect(() => parseBind(text)).toThrow(message);
});

test('mounts have their options', () => {
  const bind = {
    Propagation: 'rslave',
    NonRecursive: true,
    ReadOnlyNonRecursive: true,
    CreateMountpoint: true,
  };
  expect(parseMount({ Type: 'bind', Source: '/a', Target: '/b', ReadOnly: true, BindOptions: bind })).toEqual(
    {
      type: 'bind',
      source: '/a',
      target: '/b',
      readOnly: true,
      createSource: true,
      options: ['rslave', 'bind', 'ro-top'],
    },
  );
  const volume = {
    NoCopy: true,
    Subpath: 'a/b',
    Labels: { l: '1' },
    DriverConfig: { Name: 'local', Options: { type: 'tmpfs' } },
  };
  expect(parseMount({ Type: 'volume', Source: 'vol', Target: '/b', VolumeOptions: volume })).toEqual({
    type: 'volume',
    source: 'vol',
    target: '/b',
    readOnly: false,
    noCopy: true,
    subpath: 'a/b',
    volume: { driver: 'local', options: { type: 'tmpfs' }, labels: { l: '1' } },
  });
  const tmpfs = { SizeBytes: 64, Mode: 0o1777, Options: [['exec']] };
  expect(parseMount({ Type: 'tmpfs', Target: '/t', TmpfsOptions: tmpfs }).options).toEqual([
    'exec',
    'size=64',
    'mode=1777',
  ]);
});

test.each([
  [{ Target: '/b' }, 'invalid mount config for type "": mount type unknown'],
  [{ Type: 'npipe', Target: '/b' }, 'invalid mount config for type "npipe": mount type unknown'],
  [{ Type: 'bind', Source: '/a' }, 'invalid mount config for type "bind": field Target must not be empty'],
  [{ Type: 'bind', Target: '/b' }, 'invalid mount config for type "bind": field Source must not be empty'],
  [{ Type: 'bind', Source: 'a', Target: '/b' }, "invalid mount path: 'a' mount path must be absolute"],
  [{ Type: 'tmpfs', Target: 'rel' }, "invalid mount path: 'rel' mount path must be absolute"],
  [{ Type: 'tmpfs', Target: '/' }, "destination can't be '/'"],
  [{ Type: 'tmpfs', Source: '/a', Target: '/b' }, 'field Source must not be specified'],
  [{ Type: 'tmpfs', Target: '/b', TmpfsOptions: { Options: [['suid']] } }, 'invalid option: "suid"'],
  [
    { Type: 'bind', Source: '/a', Target: '/b', BindOptions: { Propagation: 'odd' } },
    'invalid propagation mode: odd',
  ],
  [
    { Type: 'bind', Source: '/a', Target: '/b', VolumeOptions: { NoCopy: true } },
    'field VolumeOptions must not be specified',
  ],
  [
    { Type: 'volume', Target: '/b', ReadOnly: true },
    'must not set ReadOnly mode when using anonymous volumes',
  ],
  [
    { Type: 'volume', Source: 'vol', Target: '/b', VolumeOptions: { Subpath: '../x' } },
    'subpath must be a relative path within the volume',
  ],
])('refuses %j', (mount, message) => {
  expect(() => parseMount(mount)).toThrow(message);
});
