import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { zstdCompressSync } from 'node:zlib';
import { digestOf } from '../../src/lib/digest.ts';
import type { Digest } from '../../src/model/image.ts';
import { STANDSTILL, StandstillWatch } from '../support/standstill.ts';
import { HostileRegistry, layerOf, OCI_INDEX, OCI_MANIFEST } from '../support/hostile-registry.ts';
import { CLEAN, RegistryUser, tarOf } from './support/registries.ts';

let user: RegistryUser;
let watch: StandstillWatch;
beforeAll(() => {
  watch = new StandstillWatch(STANDSTILL);
});
afterAll(() => watch.end());
beforeEach(async () => {
  user = await RegistryUser.make();
});
afterEach(async () => await user[Symbol.asyncDispose]());

describe('a broken or hostile registry', () => {
  let registry: HostileRegistry;
  beforeEach(async () => {
    registry = await HostileRegistry.start();
  });
  afterEach(async () => await registry[Symbol.asyncDispose]());
  const name = (): string => `${registry.address}/app`;
  const blobPath = (data: Uint8Array): string => `GET /v2/app/blobs/${digestOf(data)}`;

  test('other bytes than the digest’s are refused, and nothing of the image stays', async () => {
    const [good, bad] = [layerOf(await tarOf('good', 'x')), layerOf(await tarOf('bad', 'y'))];
    registry.addImage('latest', { layers: [good, bad] });
    const wrong = Buffer.alloc(bad.data.length, 1);
    registry.answers.set(blobPath(bad.data), (_request, response) => response.writeHead(200).end(wrong));
    await expect(user.pull(name())).rejects.toMatchObject({
      code: 'blob-corrupt',
      message: expect.stringContaining(
        `filesystem layer verification failed for digest ${digestOf(bad.data)}`,
      ),
    });
    expect([user.store.images.list(), ...user.leftovers()]).toEqual([[], ...CLEAN]);
  });

  test('a layer that unpacks to another DiffID, a layer that is no archive, one that never ends', async () => {
    const layer = layerOf(await tarOf('a', 'x'));
    registry.addImage('latest', { layers: [{ ...layer, diffId: digestOf('other') }] });
    await expect(user.pull(name())).rejects.toMatchObject({ code: 'blob-corrupt' });
    const noise = { data: Buffer.alloc(4096, 7), diffId: digestOf(Buffer.alloc(4096, 7)) };
    registry.addImage('latest', {
      layers: [{ ...noise, mediaType: 'application/vnd.oci.image.layer.v1.tar' }],
    });
    await expect(user.pull(name())).rejects.toMatchObject({ code: 'archive-invalid' });
    registry.addImage('latest', { layers: [layer] });
    registry.answers.set(blobPath(layer.data), (_request, response) => {
      response.writeHead(200);
      const more = (): boolean => response.write(Buffer.alloc(65_536));
      response.on('drain', () => void more());
      while (more());
    });
    await expect(user.pull(name())).rejects.toMatchObject({ code: 'blob-corrupt' });
    expect([user.store.images.list(), ...user.leftovers()]).toEqual([[], ...CLEAN]);
  });

  test('a connection that breaks off is taken up where it ended', async () => {
    const body = Array.from({ length: 200_000 }, (_, index) =>
      String.fromCharCode(33 + ((index * 7919) % 90)),
    ).join('');
    const layer = { ...layerOf(await tarOf('large', body)) };
    registry.addImage('latest', { layers: [layer] });
    const ranges: string[] = [];
    registry.answers.set(blobPath(layer.data), (request, response) => {
      const { range = '' } = request.headers;
      ranges.push(range);
      const from = Number(/\d+/.exec(range)?.[0] ?? 0);
      const end = Math.min(layer.data.length, from + Math.ceil(layer.data.length / 3));
      response.writeHead(from === 0 ? 200 : 206, { 'content-length': layer.data.length - from });
      response.write(layer.data.subarray(from, end), () => {
        if (end === layer.data.length) response.end();
        else setTimeout(() => response.destroy(), 30);
      });
    });
    expect(await user.problems(await user.pull(name()))).toEqual([]);
    expect(ranges.length).toBeGreaterThanOrEqual(3);
    expect(ranges[1]).toMatch(/^bytes=\d+-$/);
  }, 20_000);

  test('redirects: without the credentials to another host, not for ever', async () => {
    await using other = await HostileRegistry.start();
    const layer = layerOf(await tarOf('a', 'x'));
    registry.addImage('latest', { layers: [layer] });
    other.answers.set('/elsewhere', (_request, response) => response.writeHead(200).end(layer.data));
    registry.answers.set(blobPath(layer.data), (_request, response) =>
      response.writeHead(307, { location: `http://${other.address}/elsewhere` }).end(),
    );
    const image = await user.pull(name(), { registryToken: 'secret' });
    expect(await user.problems(image)).toEqual([]);
    expect(registry.requests.some(({ headers }) => headers.authorization === 'Bearer secret')).toBe(true);
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    await user.store.images.remove(image.id);
    registry.answers.set(blobPath(layer.data), (request, response) =>
      response.writeHead(302, { location: request.url ?? '' }).end(),
    );
    await expect(user.pull(name())).rejects.toThrow('stopped after 5 redirects');
  });

  test('documents: too large, no JSON, of no image, with a false digest, foreign layers, index in index', async () => {
    const cases: [object | Uint8Array, string][] = [
      [Buffer.alloc(5_000_000, 32), 'registry-failed'],
      [Buffer.from('nonsense'), 'manifest-invalid'],
      [{ schemaVersion: 1, signatures: [] }, 'manifest-invalid'],
      [{ schemaVersion: 2, mediaType: OCI_MANIFEST, config: {}, layers: [] }, 'manifest-invalid'],
      [{ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }, 'image-not-found'],
    ];
    for (const [value, code] of cases) {
      registry.addManifest('latest', value);
      await expect(user.pull(name())).rejects.toMatchObject({ code });
    }
    const wanted = digestOf('wanted');
    registry.answers.set(`GET /v2/app/manifests/${wanted}`, (_request, response) =>
      response.writeHead(200).end('{}'),
    );
    await expect(user.pull(`${name()}@${wanted}`)).rejects.toThrow(
      `manifest verification failed for digest ${wanted}`,
    );
    const layer = {
      ...layerOf(await tarOf('a', 'x')),
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    };
    registry.addImage('latest', { layers: [layer] });
    await expect(user.pull(name())).rejects.toMatchObject({ code: 'manifest-invalid' });
    expect([user.store.images.list(), ...user.leftovers()]).toEqual([[], ...CLEAN]);
  });

  test('documents that are deep or wide are refused before they are parsed', async () => {
    registry.addManifest('deep', Buffer.from(`{"schemaVersion":${'['.repeat(1_000_000)}`));
    registry.addManifest('wide', Buffer.from(`{"annotations":{${'"a":"",'.repeat(500_000)}"b":""}}`));
    for (const tag of ['deep', 'wide'])
      await expect(user.pull(`${name()}:${tag}`)).rejects.toMatchObject({
        code: 'manifest-invalid',
        message: expect.stringMatching(/deep in each other|entries/),
      });
  });

  test('errors of the server are told; one that says nothing is given up', async () => {
    registry.answers.set('GET /v2/app/manifests/latest', (_request, response) =>
      response
        .writeHead(403)
        .end(JSON.stringify({ errors: [{ code: 'DENIED', message: 'go \u001b[31maway' }] })),
    );
    await expect(user.pull(name())).rejects.toMatchObject({
      code: 'image-not-found',
      message: `pull access denied for ${name()}, repository does not exist or may require 'docker login': denied: go  [31maway`,
    });
    registry.answers.set('GET /v2/app/manifests/latest', (_request, response) =>
      response.writeHead(500).end('<html>'),
    );
    await expect(user.pull(name())).rejects.toThrow('received unexpected HTTP status: 500');
    registry.answers.set('GET /v2/app/manifests/latest', () => undefined);
    await expect(user.pull(name())).rejects.toMatchObject({ code: 'registry-unreachable' });
    await expect(user.pull('127.0.0.1:1/app')).rejects.toThrow(
      'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
    );
  }, 20_000);

  test('an index leads to this host’s image; its own digest is what the image is known by', async () => {
    const layer = layerOf(await tarOf('a', 'x'));
    const own = registry.addImage('amd64', { layers: [layer] });
    const other = registry.addImage('arm64', { layers: [layer], config: { architecture: 'arm64' } });
    const entry = (digest: Digest, architecture: string): object => ({
      ...{ mediaType: OCI_MANIFEST, digest, size: 1 },
      platform: { os: 'linux', architecture },
    });
    const index = {
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [entry(other, 'arm64'), entry(own, 'amd64')],
    };
    const digest = registry.addManifest('latest', index, OCI_INDEX);
    const image = await user.pull(name());
    expect(image).toMatchObject({ manifestDigest: own, digests: [`${name()}@${digest}`] });
    expect(user.store.images.find(`${name()}@${digest}`)?.id).toBe(image.id);
  });

  test('one layer in two compressions: each manifest keeps its bytes, and the last image takes all along', async () => {
    const tar = await tarOf('a', 'x'.repeat(10_000));
    const gzip = layerOf(tar);
    const zstd = {
      data: zstdCompressSync(tar),
      diffId: gzip.diffId,
      mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
    };
    const one = registry.addImage('one', { layers: [gzip] });
    const two = registry.addImage('two', { layers: [zstd], config: { author: 'another' } });
    const images = [await user.pull(`${name()}:one`), await user.pull(`${name()}:two`)];
    expect(images.map(({ manifestDigest }) => manifestDigest)).toEqual([one, two]);
    for (const image of images) expect(await user.problems(image)).toEqual([]);
    expect(user.store.repositories.layers.list()).toHaveLength(1);
    for (const image of images) await user.store.images.remove(image.id);
    expect([user.store.repositories.layers.list(), user.store.repositories.blobs.list()]).toEqual([[], []]);
  });

  test('a client that goes takes the pull along', async () => {
    const layer = layerOf(await tarOf('a', 'x'));
    registry.addImage('latest', { layers: [layer] });
    const stop = new AbortController();
    registry.answers.set(blobPath(layer.data), () => stop.abort(new Error('gone')));
    await expect(user.pull(name(), {}, stop.signal)).rejects.toThrow('gone');
    expect([user.store.images.list(), ...user.leftovers()]).toEqual([[], ...CLEAN]);
  });
});
