import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { loadArchive, type LoadParts } from '../../src/images/archive/load.ts';
import { saveArchive } from '../../src/images/archive/save.ts';
import { importTree } from '../../src/images/import-tree.ts';
import { hostPlatform } from '../../src/images/platform.ts';
import { ImageFetcher } from '../../src/images/transfer/image-fetcher.ts';
import { validate } from '../../src/images/validate.ts';
import { digestOf, hexOf } from '../../src/lib/digest.ts';
import { chunksOf, collect } from '../../src/lib/streams.ts';
import { packTar, readTar, type TarInput } from '../../src/lib/tar/archive.ts';
import type { Image } from '../../src/model/image.ts';
import { isHullError } from '../../src/model/errors.ts';
import { file, folderMember, makeStore, type TestStore } from './support/store.ts';

let store: TestStore;
let parts: LoadParts;
beforeEach(async () => {
  store = await makeStore();
  parts = partsOf(store);
});
afterEach(async () => await store.destroy());

function partsOf({ images, storage }: TestStore): LoadParts {
  const { content, layers, uncompressedDigest, decompressed } = storage;
  const withTemporary = <T>(use: (path: string) => Promise<T>): Promise<T> => storage.withTemporary(use);
  const shared = {
    content,
    images,
    keptLayers: () => new Set<never>(),
    layers,
    uncompressedDigest,
    withTemporary,
  };
  return { ...shared, decompressed, fetcher: new ImageFetcher(shared) };
}

interface Loaded {
  readonly image: Image;
  readonly names: readonly string[];
  readonly replaced: readonly string[];
}

const load = async (archive: Uint8Array): Promise<Loaded[]> => {
  const loaded: Loaded[] = [];
  await loadArchive(parts, chunksOf(archive), {
    onProgress: () => undefined,
    onLoaded: (image, names, replaced) => void loaded.push({ image, names, replaced: [...replaced.keys()] }),
  });
  return loaded;
};
const save = async (...images: Image[]): Promise<Uint8Array> =>
  await collect(
    await saveArchive(
      store.storage.content,
      images.map((image) => ({ image, names: image.references })),
    ),
  );
const tar = (...members: TarInput[]): Promise<Uint8Array> => collect(packTar(members));
const json = (name: string, value: unknown): TarInput => file(name, JSON.stringify(value));
const problems = (image: Image): Promise<readonly string[]> =>
  validate(image, { ...store.storage, uncompressedDigest: store.storage.uncompressedDigest }, { deep: true });
const leftovers = (): unknown[] => [
  store.images.list(),
  store.repositories.layers.list(),
  store.repositories.blobs.list(),
  readdirSync(join(store.identity.dataDir, 'tmp')),
  readdirSync(join(store.identity.dataDir, 'blobs/sha256')),
  readdirSync(join(store.identity.dataDir, 'l')),
];
const NOTHING = [[], [], [], [], [], []];
const made = async (...names: string[]): Promise<Image> => {
  const layers = [];
  for (const part of ['one', 'two'])
    layers.push(await store.storage.layers.importTar({ stream: packTar([file(part, part.repeat(999))]) }));
  const history = layers.map(() => ({ created_by: 'test' }));
  const config = { architecture: 'amd64', os: 'linux', config: { Cmd: ['sh'] }, history };
  return await store.images.commit(config, layers, names);
};

describe('saving and loading', () => {
  test('gives the same image back, digests and names and all', async () => {
    const image = await made('app:1', 'app:2', 'localhost:5000/other');
    const archive = await save(image);
    expect(Buffer.compare(archive, await save(image))).toBe(0);
    await store.images.remove(image.id);
    expect(leftovers()).toEqual(NOTHING);
    for (const packed of [archive, gzipSync(archive), zstdCompressSync(archive)]) {
      const [loaded] = await load(packed);
      expect(loaded?.names.toSorted()).toEqual(image.references.toSorted());
      const back = store.images.get('app:1');
      expect({ ...back, storedAt: 0 }).toEqual({ ...image, storedAt: 0 });
      expect(await problems(back)).toEqual([]);
      await store.images.remove(back.id);
    }
  });

  test('is Docker’s archive and an OCI layout at the same time', async () => {
    const image = await made('app:1');
    const files = new Map<string, Uint8Array>();
    for await (const { header, body } of readTar(chunksOf(await save(image))))
      if (header.type === 'file') files.set(header.name, await collect(body));
    const read = (name: string): unknown => JSON.parse(Buffer.from(files.get(name) ?? '').toString());
    const layers = image.layers.map(({ blob }) => `blobs/sha256/${hexOf(blob.digest)}`);
    expect(read('manifest.json')).toEqual([
      { Config: `blobs/sha256/${hexOf(image.id)}`, RepoTags: ['app:1'], Layers: layers },
    ]);
    expect(read('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
    expect(read('index.json')).toMatchObject({
      manifests: [
        {
          digest: image.manifestDigest,
          annotations: { 'io.containerd.image.name': 'docker.io/library/app:1' },
        },
      ],
    });
    for (const [name, data] of files)
      if (name.startsWith('blobs/sha256/'))
        expect(digestOf(data)).toBe(`sha256:${name.slice('blobs/sha256/'.length)}`);
  });

  test('several images in one archive; a name that another image had is told', async () => {
    const one = await made('one');
    const two = await importTree(
      { images: store.images, layers: store.storage.layers },
      {
        ...{
          stream: packTar([file('x', 'x')]),
          config: {},
          platform: hostPlatform(),
          comment: 'c',
          references: ['two'],
        },
      },
    );
    const archive = await save(one, two);
    store.images.tag(two.id, 'one');
    expect((await load(archive)).map(({ image, replaced }) => [image.id, replaced])).toEqual([
      [one.id, ['docker.io/library/one:latest']],
      [two.id, ['docker.io/library/two:latest']],
    ]);
    expect(store.images.get('one').id).toBe(one.id);
  });

  test('an image whose blob is lost is refused before the first byte', async () => {
    const image = await made('app');
    await store.storage.content.remove([]);
    const [layer] = image.layers;
    writeFileSync(
      join(store.identity.dataDir, 'blobs/sha256', hexOf(layer?.blob.digest ?? image.id)),
      'short',
    );
    await expect(save(image)).rejects.toMatchObject({ code: 'blob-corrupt' });
  });
});

/** An archive as Docker wrote it until version 24: a folder for each layer, layers that are known by a link. */
async function oldArchive(
  change: (members: TarInput[]) => TarInput[] = (members) => members,
): Promise<Uint8Array> {
  const layer = await tar(file('hello', 'world'));
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: null, Entrypoint: ['/hello'], Volumes: null },
    rootfs: { type: 'layers', diff_ids: [digestOf(layer), digestOf(layer)] },
    unknown: { field: true },
  });
  const list = [{ Config: 'config.json', RepoTags: ['old:1'], Layers: ['aaa/layer.tar', 'bbb/layer.tar'] }];
  return await tar(
    ...change([
      folderMember('aaa'),
      { header: { name: './aaa/layer.tar', type: 'file' }, body: layer },
      { header: { name: 'bbb/layer.tar', type: 'symlink', linkName: '../aaa/layer.tar' } },
      file('config.json', config),
      json('manifest.json', list),
    ]),
  );
}

describe('archives of others', () => {
  test('Docker’s old ones: plain layers, links, fields that nobody knows', async () => {
    const [loaded] = await load(await oldArchive());
    expect(loaded?.names).toEqual(['docker.io/library/old:1']);
    const image = store.images.get('old:1');
    expect(image.config.config).toEqual({ Entrypoint: ['/hello'] });
    expect(image.layers).toHaveLength(2);
    expect(await problems(image)).toEqual([]);
  });

  test('OCI layouts alone, named and unnamed', async () => {
    const image = await made('app:1');
    const members: TarInput[] = [];
    for await (const { header, body } of readTar(chunksOf(await save(image))))
      if (!['manifest.json', 'repositories'].includes(header.name))
        members.push(header.type === 'file' ? { header, body: await collect(body) } : { header });
    await store.images.remove(image.id);
    expect(
      (await load(await tar(...members))).map(({ image: { manifestDigest }, names }) => [
        manifestDigest,
        names,
      ]),
    ).toEqual([[image.manifestDigest, ['docker.io/library/app:1']]]);
    const bare = members.map((member) =>
      member.header.name === 'index.json'
        ? json('index.json', {
            schemaVersion: 2,
            manifests: [{ mediaType: image.manifest.mediaType, digest: image.manifestDigest, size: 1 }],
          })
        : member,
    );
    expect((await load(await tar(...bare))).map(({ names }) => names)).toEqual([[]]);
  });
});

describe('hostile archives', () => {
  const refused = async (archive: Uint8Array, message: string): Promise<void> => {
    await expect(load(archive)).rejects.toMatchObject({
      code: 'archive-invalid',
      message: expect.stringContaining(message),
    });
    expect(leftovers()).toEqual(NOTHING);
  };

  test('lead nowhere: names and links out of the archive, devices', async () => {
    const outside = join(store.folder, 'outside');
    writeFileSync(outside, 'untouched');
    const link = (linkName: string): TarInput => ({
      header: { name: 'config.json', type: 'symlink', linkName },
    });
    for (const member of [
      file('../outside', 'x'),
      file('a/../../outside', 'x'),
      link('../../etc/passwd'),
      link('/etc/passwd'),
    ])
      await refused(await oldArchive((members) => [member, ...members]), 'leads out of the archive');
    await refused(
      await oldArchive((members) => [file('/etc/hull-test', 'x'), ...members]),
      'leads out of the archive',
    );
    const device: TarInput = { header: { name: 'dev', type: 'block-device', devMajor: 8 } };
    await refused(await oldArchive((members) => [device, ...members]), 'is a block device');
    expect(lstatSync(outside).size).toBe('untouched'.length);
  });

  test('say what they have not, or falsely', async () => {
    const without = (name: string): Promise<Uint8Array> =>
      oldArchive((members) => members.filter(({ header }) => header.name !== name));
    await refused(await without('manifest.json'), 'neither manifest.json nor index.json');
    await refused(await without('config.json'), 'no file "config.json"');
    await refused(await without('./aaa/layer.tar'), 'no file "aaa/layer.tar"');
    const replace = (by: TarInput): Promise<Uint8Array> =>
      oldArchive((members) => [...members.filter(({ header }) => !header.name.endsWith(by.header.name)), by]);
    await refused(await replace(file('aaa/layer.tar', 'other bytes'.repeat(100))), 'cannot unpack the layer');
    await refused(await replace(file('manifest.json', '{')), 'not valid JSON');
    await refused(await replace(json('manifest.json', [])), 'invalid');
    await refused(await replace(json('manifest.json', [{ Config: '../../etc/passwd' }])), 'no file');
    await refused(
      await replace(json('manifest.json', [{ Config: 'config.json', RepoTags: ['UPPER'], Layers: [] }])),
      'must be lowercase',
    );
    const loop: TarInput = { header: { name: 'manifest.json', type: 'symlink', linkName: 'manifest.json' } };
    await refused(await replace(loop), 'neither manifest.json nor index.json');
    const large: TarInput = {
      header: { name: 'manifest.json', type: 'file' },
      body: new Uint8Array(5_000_000),
    };
    await refused(await replace(large), 'larger than');
  });

  test('that are cut off, damaged or made to grow are refused', async () => {
    const archive = await oldArchive();
    for (const end of [0, 100, 700, 2000]) await refused(archive.subarray(0, end), 'invalid archive');
    await refused(gzipSync(archive).subarray(0, 200), 'invalid archive');
    await refused(Buffer.alloc(4096, 65), 'invalid archive');
  });

  test('a blob of another digest in a layout', async () => {
    const image = await made('app');
    const archive = await save(image);
    await store.images.remove(image.id);
    const members: TarInput[] = [];
    for await (const { header, body } of readTar(chunksOf(archive))) {
      if (header.name === 'manifest.json' || header.type !== 'file') continue;
      const data = (await collect(body)).slice();
      if (header.name === `blobs/sha256/${hexOf(image.layers[1]?.blob.digest ?? image.id)}`)
        data[20] = 255 - (data[20] ?? 0);
      members.push({ header, body: data });
    }
    await refused(await tar(...members), 'verification failed');
  });

  test('arbitrary bytes are refused, and nothing stays', async () => {
    const good = await oldArchive();
    const edits = fc.array(fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 })), {
      minLength: 1,
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(edits, async (changes) => {
        const damaged = good.slice();
        for (const [at, value] of changes) damaged[at] = value;
        try {
          for (const { image } of await load(damaged)) await store.images.remove(image.id);
        } catch (error) {
          expect(
            isHullError(error) && ['archive-invalid', 'not-supported'].includes(error.code) ? '' : error,
          ).toBe('');
        }
        expect(leftovers()).toEqual(NOTHING);
      }),
      { numRuns: 40 },
    );
  }, 20_000);
});

test('a full disk is told as such, and nothing stays', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hull-small-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder]);
  const small = await makeStore(folder);
  try {
    const large = await tar({ header: { name: 'layer', type: 'file' }, body: randomBytes(5_000_000) });
    const target = partsOf(small);
    const quiet = { onProgress: () => undefined, onLoaded: () => undefined };
    await expect(loadArchive(target, chunksOf(large), quiet)).rejects.toMatchObject({ code: 'no-space' });
    expect(readdirSync(join(small.identity.dataDir, 'tmp'))).toEqual([]);
  } finally {
    small.database.close();
    execFileSync('umount', [folder]);
    rmSync(folder, { recursive: true });
  }
});

test('an import makes an image of one layer, or nothing', async () => {
  const target = { images: store.images, layers: store.storage.layers };
  const options = {
    config: { Cmd: ['x'] },
    platform: hostPlatform(),
    comment: 'from a test',
    references: ['made:1'],
  };
  const image = await importTree(target, { ...options, stream: packTar([file('a', 'a')]) });
  expect(image.references).toEqual(['docker.io/library/made:1']);
  expect(image.config.history?.[0]?.comment).toBe('from a test');
  expect(await problems(image)).toEqual([]);
  await store.images.remove(image.id);
  await expect(
    importTree(target, { ...options, stream: chunksOf(Buffer.alloc(2048, 1)) }),
  ).rejects.toMatchObject({
    code: 'archive-invalid',
  });
  expect(leftovers()).toEqual(NOTHING);
});
