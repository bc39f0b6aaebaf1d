import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { parseReference } from '../../src/model/reference.ts';
import { HostileRegistry, layerOf, OCI_MANIFEST } from '../support/hostile-registry.ts';
import { TestRegistry } from '../support/registry.ts';
import { CLEAN, RegistryUser, tarOf } from './support/registries.ts';

let user: RegistryUser;
beforeEach(async () => {
  user = await RegistryUser.make();
});
afterEach(async () => await user[Symbol.asyncDispose]());

describe('a real registry', () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await TestRegistry.start();
  });
  afterAll(async () => await registry[Symbol.asyncDispose]());

  test('gets an image and gives the same one back: every digest', async () => {
    const image = await user.image('round');
    const name = `${registry.address}/team/round:1`;
    expect(await user.push(image, name)).toBe(image.manifestDigest);
    expect(user.said('Pushed')).toBe(2);
    expect(await user.push(image, name)).toBe(image.manifestDigest);
    expect(user.said('Layer already exists')).toBe(2);
    await user.store.images.remove(image.id);
    expect(user.leftovers()).toEqual(CLEAN);

    const pulled = await user.pull(name);
    expect(pulled).toMatchObject({
      id: image.id,
      manifestDigest: image.manifestDigest,
      manifest: image.manifest,
    });
    expect(pulled.references).toEqual([name]);
    expect(pulled.digests).toEqual([`${registry.address}/team/round@${image.manifestDigest}`]);
    expect(await user.problems(pulled)).toEqual([]);
    for (const status of ['Pulling fs layer', 'Verifying Checksum', 'Download complete', 'Pull complete'])
      expect(user.said(status)).toBe(2);
    expect((await user.pull(`${registry.address}/team/round@${image.manifestDigest}`)).id).toBe(image.id);
    expect(user.statuses).toEqual([]);
  });

  test('only what is missing is fetched; the same image many times at once is one', async () => {
    const image = await user.image('many');
    const name = `${registry.address}/many`;
    await user.push(image, name);
    await user.store.images.remove(image.id);
    const ids = await Promise.all(Array.from({ length: 5 }, async () => (await user.pull(name)).id));
    expect(new Set(ids)).toEqual(new Set([image.id]));
    expect(user.leftovers()).toEqual(CLEAN);
  });

  test('a layer is taken over from another repository of the registry', async () => {
    const image = await user.image('mounted');
    await user.push(image, `${registry.address}/first`);
    await user.push(image, `${registry.address}/second`, {}, [{ repository: 'first' }]);
    expect(user.said('Mounted from first')).toBe(2);
    expect((await user.pull(`${registry.address}/second`)).manifestDigest).toBe(image.manifestDigest);
  });

  test('says what it has not, in the words that clients know', async () => {
    await expect(user.pull(`${registry.address}/nosuch:2`)).rejects.toMatchObject({
      code: 'image-not-found',
      message: `manifest for ${registry.address}/nosuch:2 not found: manifest unknown: manifest unknown`,
    });
  });

  test('lists, describes and searches', async () => {
    const image = await user.image('listed');
    for (const tag of ['1', '2']) await user.push(image, `${registry.address}/listed:${tag}`);
    const reference = parseReference(`${registry.address}/listed:1`);
    expect((await user.registries.tags(reference, {})).toSorted()).toEqual(['1', '2']);
    const described = await user.registries.describe(reference, {});
    expect(described.descriptor.digest).toBe(image.manifestDigest);
    expect(described.platforms).toEqual([{ os: 'linux', architecture: 'amd64' }]);
    await expect(user.registries.search('!Po5N:PEGp$/x', 10, {})).rejects.toMatchObject({
      code: 'invalid-reference',
    });
    const found = await user.registries.search(`${registry.address}/list`, 10, {});
    expect(found.map(({ name }) => name)).toEqual([`${registry.address}/listed`]);
  });
});

describe('a registry with a password', () => {
  const right = { username: 'me', password: 'se:cret' };
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await TestRegistry.start({ password: right });
  });
  afterAll(async () => await registry[Symbol.asyncDispose]());

  test('is spoken to with it, and refuses others', async () => {
    const image = await user.image('private');
    const name = `${registry.address}/private`;
    await user.registries.login(registry.address, right);
    await expect(
      user.registries.login(registry.address, { ...right, password: 'wrong' }),
    ).rejects.toMatchObject({
      code: 'registry-unauthorized',
    });
    await expect(user.push(image, name)).rejects.toMatchObject({
      code: 'registry-unauthorized',
      message: 'no basic auth credentials',
    });
    await expect(user.push(image, name, { ...right, password: 'wrong' })).rejects.toMatchObject({
      code: 'registry-unauthorized',
    });
    await user.push(image, name, right);
    await expect(user.pull(name)).rejects.toMatchObject({
      code: 'registry-failed',
      message: 'no basic auth credentials',
    });
    expect((await user.pull(name, right)).id).toBe(image.id);
  });
});

describe('tokens', () => {
  test('are asked for with the password, once for each scope, and used', async () => {
    await using registry = await HostileRegistry.start();
    await using tokens = await HostileRegistry.start();
    const layers = [layerOf(await tarOf('a', 'a')), layerOf(await tarOf('b', 'b'))];
    registry.addImage('latest', { layers });
    const asked: string[] = [];
    tokens.answers.set('/token', (request, response) => {
      asked.push(new URL(request.url ?? '', 'http://x').searchParams.get('scope') ?? '');
      const authorization = request.headers.authorization ?? '';
      const good = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString() === 'me:secret';
      if (good) response.writeHead(200).end(JSON.stringify({ token: 'good-token' }));
      else response.writeHead(401).end('{}');
    });
    guard(registry, 'Bearer good-token', `Bearer realm="http://${tokens.address}/token",service="test"`);
    const name = `${registry.address}/app`;
    expect((await user.pull(name, { username: 'me', password: 'secret' })).references).toEqual([
      `${name}:latest`,
    ]);
    expect(new Set(asked)).toEqual(new Set(['repository:app:pull']));
    expect(asked).toHaveLength(1);
    await expect(user.pull(name, { username: 'me', password: 'bad' })).rejects.toMatchObject({
      code: 'registry-failed',
    });
    expect((await user.pull(name, { registryToken: 'good-token' })).references).toEqual([`${name}:latest`]);
  });

  test('credentials go to no token server without TLS, unless registry and server are this host', async () => {
    await using registry = await HostileRegistry.start();
    guard(registry, 'never', 'Bearer realm="http://registry.example/token",service="test"');
    registry.answers.set('/v2/', (_request, response) => response.writeHead(401).end());
    // This registry is this host, so the example's server would be asked: it does not exist.
    await expect(user.pull(`${registry.address}/app`, { username: 'me', password: 'x' })).rejects.toThrow();
    guard(registry, 'never', 'Bearer realm="ftp://registry.example/token"');
    await expect(user.pull(`${registry.address}/app`)).rejects.toMatchObject({ code: 'registry-failed' });
    guard(registry, 'never', 'Negotiate');
    await expect(user.pull(`${registry.address}/app`)).rejects.toMatchObject({
      code: 'registry-failed',
    });
  });
});

/** Everything below `/v2/app/` wants this header. */
function guard(registry: HostileRegistry, wanted: string, challenge: string): void {
  registry.answers.set('GET /v2/app/manifests/latest', (request, response) => {
    if (request.headers.authorization !== wanted)
      return void response.writeHead(401, { 'www-authenticate': challenge }).end('{}');
    registry.answers.delete('GET /v2/app/manifests/latest');
    void fetch(`http://${registry.address}/v2/app/manifests/latest`).then(async (inner) => {
      guard(registry, wanted, challenge);
      response.writeHead(200, { 'content-type': OCI_MANIFEST }).end(Buffer.from(await inner.arrayBuffer()));
    });
  });
}
