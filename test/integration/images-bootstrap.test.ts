import { afterAll, beforeAll, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrapImage, suiteOf } from '../../src/images/bootstrap.ts';
import { validate } from '../../src/images/validate.ts';
import { host, makeStore, type TestStore } from './support/store.ts';

let store: TestStore;
beforeAll(async () => {
  store = await makeStore();
});
afterAll(async () => await store.destroy());

const parts = () => ({ ...store.storage, host, images: store.images });

test('busybox runs from its image, is made in a moment, and is the same when made again', async () => {
  const image = await bootstrapImage(parts(), 'busybox');
  expect(image.references).toEqual(['docker.io/library/busybox:latest']);
  expect(image.config.config?.Cmd).toEqual(['sh']);
  expect(await validate(image, store.storage, { deep: true })).toEqual([]);
  await store.storage.roots.withReadOnlyLayers(image.layers, async (path) => {
    expect(
      execFileSync('chroot', [
        path,
        '/bin/sh',
        '-c',
        'ls /etc | tr "\\n" " "; id -un nobody; stat -c %a /tmp',
      ]).toString(),
    ).toBe('group nsswitch.conf passwd shadow nobody\n1777\n');
    await Promise.resolve();
  });
  expect((await bootstrapImage(parts(), 'busybox:1')).id).toBe(image.id);
});

test('what cannot be made is refused with what can', async () => {
  await expect(bootstrapImage(parts(), 'alpine')).rejects.toMatchObject({ code: 'not-supported' });
  await expect(bootstrapImage(parts(), 'debian:no-such-suite')).rejects.toMatchObject({
    code: 'not-supported',
  });
  await expect(bootstrapImage(parts(), 'debian:12', { packages: ['a b; rm'] })).rejects.toMatchObject({
    code: 'invalid-argument',
  });
  expect([
    suiteOf('12-slim'),
    suiteOf('13.1'),
    suiteOf('bookworm'),
    suiteOf('slim'),
    suiteOf('latest'),
  ]).toEqual(['bookworm', 'trixie', 'bookworm', suiteOf(''), suiteOf('')]);
});

test('a failing bootstrap says why and leaves nothing', async () => {
  const before = [store.repositories.layers.list(), readdirSync(join(store.identity.dataDir, 'tmp'))];
  await expect(
    bootstrapImage(parts(), 'debian:bookworm-slim', { packages: ['no-such-package-anywhere'] }),
  ).rejects.toMatchObject({
    code: 'command-failed',
    message: expect.stringContaining('no-such-package-anywhere'),
  });
  const abort = new AbortController();
  const mounts = () => host.mounts.list().filter((entry) => entry.target.startsWith(store.folder));
  let mountsSeen = -1;
  const aborted = bootstrapImage(parts(), 'debian:bookworm-slim', {
    signal: abort.signal,
    onProgress: ({ message }) => {
      if (!message.includes('installing essential')) return;
      mountsSeen = mounts().length;
      abort.abort();
    },
  });
  await expect(aborted).rejects.toThrow('abort');
  // Its mounts of /dev and /proc must never be seen, and so never be deleted through, from here.
  expect([mountsSeen, mounts().length]).toEqual([0, 0]);
  expect([store.repositories.layers.list(), readdirSync(join(store.identity.dataDir, 'tmp'))]).toEqual(
    before,
  );
}, 120_000);

test('a Debian base image is slim, whole, usable, and not made twice', async () => {
  const seen: string[] = [];
  const image = await bootstrapImage(parts(), 'debian:bookworm-slim', {
    onProgress: ({ message }) => void seen.push(message),
  });
  expect(seen.some((message) => message.includes('installing'))).toBe(true);
  expect(image.config.config?.Cmd).toEqual(['bash']);
  expect(image.config.config?.Env?.join()).toStartWith('PATH=');
  expect(await validate(image, store.storage, { deep: true })).toEqual([]);
  expect(image.layers[0]?.unpackedSize).toBeLessThan(130_000_000);
  await store.storage.roots.withReadOnlyLayers(image.layers, async (path) => {
    expect(readFileSync(join(path, 'etc/os-release'), 'utf8')).toContain('bookworm');
    expect([
      existsSync(join(path, 'usr/share/man/man1/ls.1.gz')),
      existsSync(join(path, 'usr/share/doc/bash/copyright')),
      readdirSync(join(path, 'var/lib/apt/lists')),
    ]).toEqual([false, true, expect.any(Array)]);
    expect(execFileSync('chroot', [path, 'dpkg', '--audit']).toString()).toBe('');
    expect(existsSync(join(path, 'usr/sbin/policy-rc.d'))).toBe(true);
    await Promise.resolve();
  });
  const begin = performance.now();
  expect((await bootstrapImage(parts(), 'debian:bookworm-slim')).id).toBe(image.id);
  // Making it anew takes longer on the fastest host.
  expect(performance.now() - begin).toBeLessThan(10_000);
}, 300_000);
