import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isHullError } from '../model/errors.ts';
import { parseConfig, parseManifest } from './documents.ts';
import { choosePlatform, parsePlatform } from './platform.ts';

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const digest = `sha256:${'a'.repeat(64)}`;
const config = { mediaType: 'application/vnd.docker.container.image.v1+json', digest, size: 2 };
const layer = { mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', digest, size: 3 };
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json';

describe('manifests', () => {
  test('are OCI’s or Docker’s; their kind is told by themselves, the server, or their fields', () => {
    const bare = { schemaVersion: 2, config, layers: [layer] };
    expect(parseManifest(bytes({ ...bare, mediaType: DOCKER }))).toMatchObject({
      kind: 'image',
      manifest: { mediaType: DOCKER },
    });
    expect(parseManifest(bytes(bare), `${DOCKER}; charset=utf-8`)).toMatchObject({
      manifest: { mediaType: DOCKER },
    });
    expect(parseManifest(bytes(bare), 'text/plain')).toMatchObject({
      manifest: { mediaType: 'application/vnd.oci.image.manifest.v1+json' },
    });
    expect(
      parseManifest(
        bytes({
          schemaVersion: 2,
          manifests: [{ ...layer, platform: { os: 'linux', architecture: 'arm' } }],
        }),
      ),
    ).toMatchObject({
      kind: 'index',
      manifests: [{ platform: { os: 'linux', architecture: 'arm' } }],
    });
  });
  test('with anything wrong are refused, and the field is named', () => {
    const refused = (value: unknown, why: string): void =>
      expect(() => parseManifest(bytes(value))).toThrow(
        expect.objectContaining({ code: 'manifest-invalid', message: expect.stringContaining(why) }),
      );
    const good = { schemaVersion: 2, mediaType: DOCKER, config, layers: [layer] };
    refused({ ...good, config: { ...config, digest: 'sha256:short' } }, 'config.digest');
    refused({ ...good, config: { ...config, digest: `md5:${'a'.repeat(32)}` } }, 'config.digest');
    refused({ ...good, layers: [{ ...layer, size: -1 }] }, 'layers.0.size');
    refused({ ...good, layers: Array.from({ length: 600 }, () => layer) }, 'layers');
    refused(
      { ...good, config: { ...config, mediaType: 'application/vnd.cncf.helm.config.v1+json' } },
      'it is no image',
    );
    refused({ ...good, schemaVersion: 1 }, 'schemaVersion');
    refused([], 'no JSON object');
  });
});

test('configurations: null is absent, unknown fields are left, wrong types are refused', () => {
  const rootfs = { type: 'layers', diff_ids: [digest] };
  const parsed = parseConfig(
    bytes({
      architecture: 'amd64',
      os: 'linux',
      rootfs,
      config: { Cmd: null, Env: ['A=1'], Volumes: { '/a': {} }, Healthcheck: null, Domainname: 'x' },
      history: [{ created_by: 'x', empty_layer: true, other: 1 }],
      container: 'abc',
    }),
  );
  expect(parsed as unknown).toEqual({
    architecture: 'amd64',
    os: 'linux',
    rootfs,
    config: { Env: ['A=1'], Volumes: { '/a': {} } },
    history: [{ created_by: 'x', empty_layer: true }],
  });
  expect(() =>
    parseConfig(bytes({ architecture: 'amd64', os: 'linux', rootfs, config: { Env: [1] } })),
  ).toThrow('config.Env.0');
  expect(() => parseConfig(bytes({ architecture: 'amd64', os: 'linux' }))).toThrow('rootfs');
});

test('any document is read or refused', () => {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.record({
      schemaVersion: fc.constantFrom(1, 2),
      config: fc.oneof(fc.constant(config), fc.jsonValue()),
      layers: fc.oneof(fc.constant([layer]), fc.jsonValue()),
      manifests: fc.oneof(fc.constant([layer]), fc.jsonValue()),
      rootfs: fc.jsonValue(),
      mediaType: fc.constantFrom(DOCKER, '', 'x'),
    }),
  );
  fc.assert(
    fc.property(value, (document) => {
      for (const parse of [parseManifest, parseConfig]) {
        try {
          parse(bytes(document));
        } catch (error) {
          expect(isHullError(error, 'manifest-invalid')).toBe(true);
        }
      }
    }),
    { numRuns: 300 },
  );
  expect(() => parseManifest(Uint8Array.of(0xff, 0xfe))).toThrow('not valid JSON');
  expect(() => parseManifest(new TextEncoder().encode('['.repeat(100_000)))).toThrow(
    expect.objectContaining({ code: 'manifest-invalid' }),
  );
});

test('platforms', () => {
  expect(parsePlatform('linux/arm64/v8')).toEqual({ os: 'linux', architecture: 'arm64', variant: 'v8' });
  expect(parsePlatform('linux/x86_64')).toEqual({ os: 'linux', architecture: 'amd64' });
  expect(parsePlatform('aarch64')).toEqual({ os: 'linux', architecture: 'arm64' });
  expect(() => parsePlatform('a/b/c/d')).toThrow('is no platform');
  const entry = (os: string, architecture: string): Parameters<typeof choosePlatform>[0][number] => ({
    ...{ mediaType: '', digest: `sha256:${'b'.repeat(64)}`, size: 1 },
    platform: { os, architecture },
  });
  const arm = entry('linux', 'arm64');
  expect(
    choosePlatform([entry('linux', 'amd64'), arm, entry('unknown', 'unknown')], parsePlatform('arm64')),
  ).toBe(arm);
  expect(choosePlatform([arm], parsePlatform('amd64'))).toBeNull();
  const silent = entry('', '');
  expect(choosePlatform([silent], parsePlatform('amd64'))).toBe(silent);
});
