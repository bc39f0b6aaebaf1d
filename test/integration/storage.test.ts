import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { digestOf, hexOf } from '../../src/lib/digest.ts';
import { chunksOf, collect } from '../../src/lib/streams.ts';
import { packTar } from '../../src/lib/tar/archive.ts';
import type { Image, LayerInfo } from '../../src/model/image.ts';
import { createQcow2 } from '../../src/storage/qcow2.ts';
import { file, folderMember, host, makeStore, type TestStore } from './support/store.ts';

let store: TestStore;
beforeEach(async () => {
  store = await makeStore();
});
afterEach(async () => await store.destroy());

const importFiles = (files: Record<string, string>): Promise<LayerInfo> =>
  store.storage.layers.importTar({
    stream: packTar(Object.entries(files).map(([name, body]) => file(name, body))),
  });
const imageOf = async (...layers: LayerInfo[]): Promise<Image> =>
  await store.images.commit({ architecture: 'amd64', os: 'linux' }, layers, ['test:1']);
const blobFiles = () => readdirSync(join(store.identity.dataDir, 'blobs/sha256')).toSorted();
const temporaries = () => readdirSync(join(store.identity.dataDir, 'tmp'));
const mounts = () => host.mounts.list().filter((entry) => entry.target.startsWith(`${store.folder}/`));
const ID = 'a'.repeat(64);

describe('content', () => {
  test('is kept by digest, read back verified, and refused when it is not what it should be', async () => {
    const { content } = store.storage;
    const blob = await content.write(chunksOf(Buffer.from('one '), Buffer.from('two')));
    expect(blob).toEqual({ digest: digestOf('one two'), size: 7 });
    expect(Buffer.from(await content.read(blob.digest)).toString()).toBe('one two');
    const wrong = content.write(chunksOf(Buffer.from('x')), { digest: blob.digest });
    await expect(wrong).rejects.toMatchObject({ code: 'blob-corrupt' });
    await expect(content.write(chunksOf(new Uint8Array(9)), { size: 5 })).rejects.toMatchObject({
      code: 'blob-corrupt',
    });
    expect([blobFiles(), temporaries()]).toEqual([[hexOf(blob.digest)], []]);
    writeFileSync(join(store.identity.dataDir, 'blobs/sha256', hexOf(blob.digest)), 'one twO');
    await expect(content.read(blob.digest)).rejects.toMatchObject({ code: 'blob-corrupt' });
    expect(await content.examine(blob.digest, { deep: false })).toBe('good');
    expect(await content.examine(blob.digest, { deep: true })).toBe('corrupt');
    rmSync(join(store.identity.dataDir, 'blobs/sha256', hexOf(blob.digest)));
    expect(await content.examine(blob.digest, { deep: false })).toBe('missing');
  });

  test('without a record is garbage, and goes at the next start', async () => {
    const kept = await store.storage.content.put('kept');
    writeFileSync(join(store.identity.dataDir, 'blobs/sha256', 'b'.repeat(64)), 'left by a crash');
    writeFileSync(join(store.identity.dataDir, 'tmp/half'), 'left by a crash');
    mkdirSync(join(store.identity.dataDir, 'l/half/etc'), { recursive: true });
    writeFileSync(join(store.identity.dataDir, 'disks/half.erofs'), '');
    store = await store.reopen();
    expect([
      blobFiles(),
      temporaries(),
      readdirSync(join(store.identity.dataDir, 'l')),
      readdirSync(join(store.identity.dataDir, 'disks')),
    ]).toEqual([[hexOf(kept.digest)], [], [], []]);
  });
});

describe('layers', () => {
  test('are unpacked once, by DiffID, whatever they are compressed with', async () => {
    const tar = await collect(packTar([file('etc/a', 'A')]));
    const layer = await store.storage.layers.importTar({ stream: chunksOf(tar) });
    expect(layer).toMatchObject({ diffId: digestOf(tar), unpackedSize: 1 });
    expect(readFileSync(join(store.storage.layers.path(layer.diffId), 'etc/a'), 'utf8')).toBe('A');
    expect(await store.storage.layers.importTar({ stream: chunksOf(gzipSync(tar)) })).toEqual(layer);
    expect(
      await store.storage.layers.importTar({
        stream: chunksOf(Buffer.from('never read')),
        diffId: layer.diffId,
      }),
    ).toEqual(layer);
    expect([
      temporaries(),
      readdirSync(join(store.identity.dataDir, 'l')).length,
      blobFiles().length,
    ]).toEqual([[], 1, 1]);
    const blob = await collect(store.storage.content.stream(layer.blob.digest));
    expect(await store.storage.uncompressedDigest(chunksOf(blob))).toBe(layer.diffId);
  });

  test('with another DiffID than promised are refused, and leave nothing', async () => {
    const attempt = store.storage.layers.importTar({
      stream: packTar([file('a')]),
      diffId: digestOf('other'),
    });
    await expect(attempt).rejects.toMatchObject({ code: 'blob-corrupt' });
    await expect(store.storage.layers.importTar({ stream: packTar([file('../a')]) })).rejects.toMatchObject({
      code: 'archive-invalid',
    });
    expect([temporaries(), readdirSync(join(store.identity.dataDir, 'l')), blobFiles()]).toEqual([
      [],
      [],
      [],
    ]);
  });

  test('imported at the same time are one', async () => {
    const [one, two] = await Promise.all([importFiles({ a: '1' }), importFiles({ a: '1' })]);
    expect(one).toEqual(two);
    expect(readdirSync(join(store.identity.dataDir, 'l'))).toHaveLength(1);
  });

  test('survive a new daemon, and go when they are removed', async () => {
    const layer = await importFiles({ a: '1' });
    store = await store.reopen();
    expect(store.storage.layers.find(layer.diffId)).toEqual(layer);
    await store.storage.layers.remove([layer.diffId]);
    expect([
      store.storage.layers.find(layer.diffId),
      readdirSync(join(store.identity.dataDir, 'l')),
      blobFiles(),
    ]).toEqual([null, [], []]);
  });

  test('a full disk says so and leaves nothing half', async () => {
    await store.destroy();
    const folder = store.folder;
    mkdirSync(folder);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder]);
    try {
      store = await makeStore(folder);
      const random = crypto.getRandomValues(new Uint8Array(65536));
      const members = Array.from({ length: 60 }, (_, index) => ({
        header: { name: `f${index}`, type: 'file' as const },
        body: random,
      }));
      await expect(store.storage.layers.importTar({ stream: packTar(members) })).rejects.toMatchObject({
        code: 'no-space',
      });
      const attempt = store.storage.roots.withWritableLayers([], async ({ path }) => {
        await Bun.write(
          join(path, 'large'),
          new Uint8Array(2_000_000).map(() => Math.random() * 256),
        );
      });
      await expect(attempt).rejects.toMatchObject({ code: 'no-space' });
      expect([temporaries(), readdirSync(join(folder, 'data/l')), blobFiles()]).toEqual([[], [], []]);
      expect(await importFiles({ small: 'fits again' })).toMatchObject({ unpackedSize: 10 });
    } finally {
      store.database.close();
      execFileSync('umount', ['-l', folder]);
      rmSync(folder, { recursive: true });
      store = await makeStore();
    }
  });
});

describe('roots of containers', () => {
  test('merge the layers, keep what is written, and go without a trace', async () => {
    const base = await importFiles({ a: 'base', gone: 'x', 'd/old': 'x' });
    const top = await store.storage.layers.importTar({
      stream: packTar([
        file('a', 'top'),
        file('.wh.gone'),
        folderMember('d'),
        file('d/.wh..wh..opq'),
        file('d/new', 'n'),
      ]),
    });
    const image = await imageOf(base, top, base);
    const { roots } = store.storage;
    for (const ephemeral of [false, true, true]) {
      const root = await roots.prepare(ID, image, 'mounts', { ephemeral });
      if (root.kind !== 'mounts') throw new Error('mounts were asked for');
      // The base counts once more on top: the same tree as without the layer between.
      expect(readFileSync(join(root.path, 'a'), 'utf8')).toBe('base');
      if (ephemeral) expect(readFileSync(join(root.path, 'written'), 'utf8')).toBe('w');
      writeFileSync(join(root.path, 'written'), 'w');
      expect((await roots.usage(ID)).writable).toBe(1);
      await roots.release(ID);
      await roots.release(ID);
      expect(mounts()).toEqual([]);
    }
    await roots.remove(ID);
    await roots.remove(ID);
    expect([
      readdirSync(join(store.identity.dataDir, 'instances')),
      readdirSync(join(store.identity.runDir, 'rootfs')),
      temporaries(),
    ]).toEqual([[], [], []]);
  });

  test('a root that a former daemon mounted is not mounted a second time', async () => {
    const image = await imageOf(await importFiles({ 'etc/base': 'base' }));
    await store.storage.roots.prepare(ID, image, 'mounts', { ephemeral: true });
    const before = mounts();
    store = await store.reopen();
    await store.storage.roots.prepare(ID, image, 'mounts', { ephemeral: true });
    expect(mounts()).toEqual(before);
    store = await store.reopen();
    // As the search for leaks does with the root of an instance that does not run.
    for (const leak of await store.storage.roots.inventory(new Set())) await leak.remove();
    await store.storage.roots.prepare(ID, image, 'mounts', { ephemeral: true });
    expect(mounts()).toEqual(before);
    await store.storage.roots.release(ID);
    expect(mounts()).toEqual([]);
  });

  test('hide what a whiteout hides', async () => {
    const base = await importFiles({ gone: 'x', 'd/old': 'x', kept: 'k' });
    const top = await store.storage.layers.importTar({
      stream: packTar([file('.wh.gone'), file('d/.wh..wh..opq'), file('d/new', 'n')]),
    });
    await store.storage.roots.withReadOnlyLayers([base, top], async (path) => {
      expect([readdirSync(path).toSorted(), readdirSync(join(path, 'd'))]).toEqual([['d', 'kept'], ['new']]);
      await Promise.resolve();
    });
    expect(mounts()).toEqual([]);
  });

  test('are quick to prepare', async () => {
    const image = await imageOf(await importFiles({ a: 'a' }));
    const begin = process.cpuUsage();
    for (let index = 0; index < 30; index++)
      await store.storage.roots.prepare(`${index}`, image, 'mounts', { ephemeral: true });
    const { user, system } = process.cpuUsage(begin);
    for (let index = 0; index < 30; index++) await store.storage.roots.remove(`${index}`);
    // The budget is 1 ms each; the bound here only catches a spawn on the way.
    expect((user + system) / 1000 / 30).toBeLessThan(5);
  });

  test('a mount that fails leaves nothing', async () => {
    const layer = await importFiles({ a: 'a' });
    const image = await imageOf(layer);
    rmSync(store.storage.layers.path(layer.diffId), { recursive: true });
    await expect(store.storage.roots.prepare(ID, image, 'mounts', { ephemeral: true })).rejects.toThrow();
    expect([
      readdirSync(join(store.identity.dataDir, 'instances')),
      readdirSync(join(store.identity.runDir, 'rootfs')),
      mounts(),
    ]).toEqual([[], [], []]);
  });

  test('of a hundred layers work', async () => {
    const layers: LayerInfo[] = [];
    for (let index = 0; index < 100; index++) {
      const upper = join(store.folder, `data/tmp/u${index}`);
      mkdirSync(upper);
      writeFileSync(join(upper, `f${index}`), '');
      const layer = index < 3 ? await store.storage.layers.adoptUpper(upper) : fakeLayer(index, upper);
      if (layer !== null) layers.push(layer);
    }
    const image = { ...(await imageOf()), layers };
    const root = await store.storage.roots.prepare(ID, image, 'mounts', { ephemeral: true });
    // And the mark of a container.
    expect(root.kind === 'mounts' && readdirSync(root.path)).toHaveLength(101);
    await store.storage.roots.remove(ID);
  }, 20_000);

  /** A layer without the work of archiving it. */
  function fakeLayer(index: number, upper: string): LayerInfo {
    const diffId = digestOf(`layer ${index}`);
    const blob = { mediaType: 'x', digest: diffId, size: 0 };
    store.repositories.blobs.add(blob);
    const name = `x${String(index).padStart(4, '0')}`;
    store.repositories.layers.add({ diffId, folder: name, blob, unpackedSize: 0 });
    execFileSync('mv', [upper, join(store.identity.dataDir, 'l', name)]);
    return { diffId, blob, unpackedSize: 0 };
  }
});

describe('build steps', () => {
  test('give the layer of what they changed, or none', async () => {
    const base = await importFiles({ gone: 'x', kept: 'k' });
    const { roots, layers } = store.storage;
    const { result, layer } = await roots.withWritableLayers([base], async ({ path }) => {
      rmSync(join(path, 'gone'));
      writeFileSync(join(path, 'new'), 'n');
      return await Promise.resolve('done');
    });
    expect(result).toBe('done');
    expect(layer).not.toBeNull();
    if (layer === null) return;
    await roots.withReadOnlyLayers([base, layer], async (path) => {
      expect(readdirSync(path).toSorted()).toEqual(['kept', 'new']);
      await Promise.resolve();
    });
    const blob = await collect(store.storage.content.stream(layer.blob.digest));
    await layers.remove([layer.diffId]);
    expect(await layers.importTar({ stream: chunksOf(blob) })).toEqual(layer);
    expect((await roots.withWritableLayers([base], () => Promise.resolve(1))).layer).toBeNull();
    const failing = roots.withWritableLayers([base], () => Promise.reject(new Error('step failed')));
    await expect(failing).rejects.toThrow('step failed');
    expect([temporaries(), mounts(), readdirSync(join(store.identity.runDir, 'build'))]).toEqual([
      [],
      [],
      [],
    ]);
  });

  test('that a crash cut off are cleaned up at the next start', async () => {
    const base = await importFiles({ a: 'a' });
    const stuck = store.storage.roots.withWritableLayers([base], () => new Promise(() => undefined));
    void stuck;
    await Promise.resolve();
    expect(mounts()).toHaveLength(1);
    store = await store.reopen();
    expect([mounts(), temporaries(), readdirSync(join(store.identity.runDir, 'build'))]).toEqual([
      [],
      [],
      [],
    ]);
  });
});

describe('inventory', () => {
  test('finds mounts and folders that no instance owns, and removes them', async () => {
    const image = await imageOf(await importFiles({ a: 'a' }));
    await store.storage.roots.prepare(ID, image, 'mounts', { ephemeral: false });
    await store.storage.roots.prepare('b'.repeat(64), image, 'mounts', { ephemeral: false });
    const found = await store.storage.roots.inventory(new Set([ID]));
    expect(found.map(({ kind, owner }) => [kind, owner])).toEqual([
      ['mount', 'b'.repeat(64)],
      ['folder', 'b'.repeat(64)],
    ]);
    for (const leftover of found) await leftover.remove();
    expect(await store.storage.roots.inventory(new Set([ID]))).toEqual([]);
    expect(mounts()).toHaveLength(1);
    await store.storage.roots.remove(ID);
  });
});

describe('disks', () => {
  test('of an image hold its merged tree, are made once, and go with it', async () => {
    const image = await imageOf(
      await importFiles({ 'etc/a': 'A', gone: 'x' }),
      await importFiles({ '.wh.gone': '', 'etc/b': 'B' }),
    );
    const [one, two] = await Promise.all([
      store.storage.roots.imageDisk(image),
      store.storage.roots.imageDisk(image),
    ]);
    expect(one).toEqual(two);
    const mounted = join(store.folder, 'mnt');
    mkdirSync(mounted);
    execFileSync('mount', ['-t', 'erofs', '-o', 'loop,ro', one.path, mounted]);
    try {
      expect([readdirSync(mounted), readdirSync(join(mounted, 'etc'))]).toEqual([['etc'], ['a', 'b']]);
    } finally {
      execFileSync('umount', [mounted]);
    }
    await store.images.remove(image.id);
    expect([existsSync(one.path), mounts()]).toEqual([false, []]);
  }, 20_000);

  test('of a VM are the image’s, and a writable one of its own over an empty filesystem', async () => {
    const image = await imageOf(await importFiles({ a: 'a' }));
    const root = await store.storage.roots.prepare(ID, image, 'block', { ephemeral: true });
    if (root.kind !== 'block' || root.root.layout !== 'layered')
      throw new Error('layered disks were asked for');
    const { scratch } = root.root;
    const info = JSON.parse(
      execFileSync('qemu-img', ['info', '--output=json', scratch.path]).toString(),
    ) as Record<string, unknown>;
    expect(info).toMatchObject({
      'virtual-size': 8 * 1024 ** 3,
      format: 'qcow2',
      'backing-filename-format': 'raw',
    });
    execFileSync('qemu-img', ['check', scratch.path]);
    expect((await store.storage.roots.usage(ID)).writable).toBeLessThan(300_000);
    expect(await store.storage.roots.prepare(ID, image, 'block', { ephemeral: true })).toEqual(root);
    await store.storage.roots.remove(ID);
    expect(existsSync(scratch.path)).toBe(false);
  }, 20_000);

  test('written by hand are what qemu-img would make', async () => {
    const base = join(store.folder, 'base.raw');
    execFileSync('qemu-img', ['create', '-q', '-f', 'raw', base, '1G']);
    execFileSync('qemu-io', ['-f', 'raw', '-c', 'write -P 7 512M 64k', base]);
    const disk = join(store.folder, 'd.qcow2');
    await createQcow2(disk, { path: base, format: 'raw' }, 1024 ** 3);
    const said = execFileSync('qemu-io', [
      '-c',
      'read -P 7 512M 64k',
      '-c',
      'write -P 9 700M 3M',
      '-c',
      'read -P 9 701M 1M',
      disk,
    ]).toString();
    expect(said).not.toContain('failed');
    execFileSync('qemu-img', ['check', disk]);
    await expect(createQcow2(disk, { path: base, format: 'raw' }, 1024 ** 3)).rejects.toThrow('EEXIST');
    await expect(createQcow2(`${disk}2`, { path: base, format: 'raw' }, 2 ** 50)).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });
});
