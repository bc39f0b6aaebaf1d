import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TreeSyscalls } from '../../src/host/tree-syscalls.ts';
import { host, makeStore, type TestStore } from './support/store.ts';

let store: TestStore;
beforeEach(async () => {
  store = await makeStore();
});
afterEach(async () => {
  for (const { target } of host.mounts.list().toReversed())
    if (target.startsWith(`${store.folder}/`)) await host.mounts.unmount(target);
  await store.destroy();
});

const dataDir = (): string => store.identity.dataDir;

describe('volumes', () => {
  test('are made once, listed, and removed', async () => {
    const { volumes } = store.storage;
    const made = await volumes.ensure('data', { a: 'b' });
    writeFileSync(join(made.path, 'f'), 'kept');
    expect(await volumes.ensure('data')).toEqual(made);
    expect((await volumes.ensure('c'.repeat(64))).anonymous).toBe(true);
    store = await store.reopen();
    expect(store.storage.volumes.list().map((volume) => volume.name)).toEqual(['c'.repeat(64), 'data']);
    expect(readFileSync(join(made.path, 'f'), 'utf8')).toBe('kept');
    await store.storage.volumes.remove('data');
    expect([existsSync(made.path), store.storage.volumes.find('data')]).toEqual([false, null]);
    await expect(store.storage.volumes.remove('data')).rejects.toMatchObject({ code: 'volume-not-found' });
    for (const name of ['../x', 'a', '', 'a/b', 'x'.repeat(300)])
      await expect(store.storage.volumes.ensure(name)).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  test('another name: the same folder, which a new volume of the old name does not get', async () => {
    const { volumes } = store.storage;
    const before = await volumes.ensure('one');
    writeFileSync(join(before.path, 'f'), 'mine');
    expect(volumes.rename('one', 'two')).toEqual({ ...before, name: 'two' });
    const fresh = await volumes.ensure('one');
    expect([readdirSync(fresh.path), fresh.path === before.path]).toEqual([[], false]);
    expect(() => volumes.rename('one', 'two')).toThrow(expect.objectContaining({ code: 'name-in-use' }));
    expect(() => volumes.rename('none', 'three')).toThrow(
      expect.objectContaining({ code: 'volume-not-found' }),
    );
    // What belongs to the change fails: the name stays.
    expect(() =>
      volumes.rename('two', 'three', () => {
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(volumes.find('two')?.path).toBe(before.path);
    store = await store.reopen();
    expect(store.storage.volumes.find('two')?.path).toBe(before.path);
    expect(store.storage.volumes.problems()).toEqual([]);
  });
});

/** One of everything that a copy must keep. */
function fillTree(folder: string): void {
  mkdirSync(join(folder, 'sub'));
  writeFileSync(join(folder, 'sub/file'), 'text', { mode: 0o640 });
  linkSync(join(folder, 'sub/file'), join(folder, 'hard'));
  symlinkSync('/etc/hostname', join(folder, 'out'));
  writeFileSync(join(folder, 'sparse'), '');
  truncateSync(join(folder, 'sparse'), 4 * 1024 * 1024);
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  execFileSync('mknod', [join(folder, 'device'), 'c', '1', '3']);
  execFileSync('chown', ['-R', '1234:4321', folder]);
  new TreeSyscalls().setXattr(join(folder, 'sub/file'), 'user.note', new TextEncoder().encode('kept'));
  execFileSync('chmod', ['4750', join(folder, 'sub/file')]);
  execFileSync('chmod', ['1770', folder]);
  utimesSync(join(folder, 'sub'), 1000, 2000);
}

function expectSameTree(copy: string, source: string): void {
  const look = (folder: string): string =>
    execFileSync('find', ['.', '-printf', String.raw`%P %y %m %U:%G %s %l\n`], {
      cwd: folder,
      encoding: 'utf8',
    })
      .split('\n')
      // A folder's own size is the file system's affair.
      .map((line) => (/ d \d+ /.test(line) ? line.replace(/ \d+ $/, '') : line))
      .toSorted()
      .join('\n');
  expect(look(copy)).toBe(look(source));
  expect(lstatSync(join(copy, 'hard')).ino).toBe(lstatSync(join(copy, 'sub/file')).ino);
  expect(statSync(join(copy, 'sub')).mtimeMs).toBe(2_000_000);
  const note = new TreeSyscalls().xattrs(join(copy, 'sub/file')).get('user.note');
  expect(new TextDecoder().decode(note)).toBe('kept');
}

describe('copies', () => {
  test.each([false, true])('a clone keeps everything; live: %p', async (live) => {
    const { volumes } = store.storage;
    const source = await volumes.ensure('source', { tier: 'db' });
    fillTree(source.path);
    const copy = await volumes.clone('source', 'copy', { live });
    expectSameTree(copy.path, source.path);
    // What is read while it changes has no holes any more.
    expect(statSync(join(copy.path, 'sparse')).blocks < 100).toBe(!live);
    expect(copy.labels).toEqual({ tier: 'db' });
    writeFileSync(join(copy.path, 'sub/file'), 'changed');
    expect(readFileSync(join(source.path, 'sub/file'), 'utf8')).toBe('text');
    await expect(volumes.clone('source', 'copy')).rejects.toMatchObject({ code: 'name-in-use' });
    await expect(volumes.clone('none', 'other')).rejects.toMatchObject({ code: 'volume-not-found' });
    expect(readdirSync(join(dataDir(), 'tmp'))).toEqual([]);
  });

  test('a snapshot gives back what was there, and goes before its volume does', async () => {
    const { volumes } = store.storage;
    const volume = await volumes.ensure('data');
    fillTree(volume.path);
    await volumes.snapshots.create('data', 'first');
    rmSync(join(volume.path, 'sub'), { recursive: true });
    writeFileSync(join(volume.path, 'later'), 'x');
    volumes.rename('data', 'moved');
    store = await store.reopen();
    const again = store.storage.volumes;
    expect(again.snapshots.list('moved').map(({ name }) => name)).toEqual(['first']);
    await again.snapshots.restore('moved', 'first');
    expect(existsSync(join(volume.path, 'later'))).toBe(false);
    await again.clone('moved', 'copy');
    expectSameTree(volume.path, again.find('copy')?.path ?? '');
    await expect(again.remove('moved')).rejects.toMatchObject({ code: 'volume-in-use' });
    await expect(again.snapshots.create('moved', 'first')).rejects.toMatchObject({ code: 'name-in-use' });
    await expect(again.snapshots.restore('moved', 'none')).rejects.toMatchObject({
      code: 'volume-not-found',
    });
    await again.snapshots.remove('moved', 'first');
    await again.remove('moved');
    expect(readdirSync(join(dataDir(), 'snapshots'))).toEqual([]);
  });

  test('what a crash cut short is undone or ended, and a user’s folder is kept', async () => {
    const { volumes } = store.storage;
    const [kept, going] = [await volumes.ensure('kept'), await volumes.ensure('going')];
    await volumes.snapshots.create('kept', 'snap');
    mkdirSync(join(dataDir(), 'volumes/clone~0123456789ab'));
    mkdirSync(join(dataDir(), 'snapshots/0123456789ab'));
    mkdirSync(join(dataDir(), 'volumes/unknown'));
    // A removal: out of sight already, its record not yet gone.
    renameSync(going.path, join(dataDir(), 'tmp/volume-going-0123456789ab'));
    store = await store.reopen();
    const after = store.storage.volumes;
    expect(readdirSync(join(dataDir(), 'volumes')).toSorted()).toEqual(['kept', 'unknown']);
    expect(readdirSync(join(dataDir(), 'snapshots'))).toHaveLength(1);
    expect([after.find('going'), after.find('kept')?.path]).toEqual([null, kept.path]);
    rmSync(kept.path, { recursive: true });
    expect(after.problems().map(({ kind, what }) => [kind, what])).toEqual([
      ['folder-lost', 'kept'],
      ['unknown-folder', join(dataDir(), 'volumes/unknown')],
    ]);
    await after.problems()[1]?.repair?.();
    expect(after.find('unknown')).not.toBeNull();
  });

  test('a full disk is told, and nothing half-made stays', async () => {
    const { volumes } = store.storage;
    const volume = await volumes.ensure('big');
    const small = join(dataDir(), 'tmp');
    host.mounts.mount('tmpfs', small, 'tmpfs', 'size=1m');
    writeFileSync(join(volume.path, 'f'), 'x'.repeat(3 * 1024 * 1024));
    for (const live of [false, true]) {
      await expect(volumes.clone('big', 'copy', { live })).rejects.toMatchObject({ code: 'no-space' });
      await expect(volumes.snapshots.create('big', 'snap', { live })).rejects.toMatchObject({
        code: 'no-space',
      });
    }
    expect(readdirSync(small)).toEqual([]);
    await host.mounts.unmount(small);
    expect(readdirSync(join(dataDir(), 'volumes'))).toEqual(['big']);
    expect(volumes.list().map(({ name }) => name)).toEqual(['big']);
  });

  test('a read-only data folder is told as such', async () => {
    const folder = join(dataDir(), 'volumes');
    host.mounts.bind(folder, folder, { readOnly: true });
    await expect(store.storage.volumes.ensure('data')).rejects.toMatchObject({ code: 'data-read-only' });
    await host.mounts.unmount(folder);
    expect(store.storage.volumes.list()).toEqual([]);
  });
});

describe('driver options', () => {
  test('a tmpfs and a bind are mounted while they are wanted', async () => {
    const { volumes } = store.storage;
    const elsewhere = mkdtempSync(join(tmpdir(), 'hull-else-'));
    writeFileSync(join(elsewhere, 'there'), '');
    const bound = await volumes.ensure(
      'bound',
      {},
      { options: { type: 'none', o: 'bind,ro', device: elsewhere } },
    );
    await volumes.mount(bound);
    await volumes.mount(bound);
    expect(readdirSync(bound.path)).toEqual(['there']);
    expect(() => writeFileSync(join(bound.path, 'new'), '')).toThrow('EROFS');
    const memory = await volumes.ensure(
      'memory',
      {},
      { options: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' } },
    );
    await volumes.mount(memory);
    await expect(host.files.space(memory.path)).resolves.toMatchObject({ total: 1024 * 1024 });
    await expect(volumes.clone('bound', 'copy')).rejects.toMatchObject({ code: 'not-supported' });
    await expect(volumes.snapshots.create('memory', 'snap')).rejects.toMatchObject({ code: 'not-supported' });
    // Mounted still: what is removed is the volume, not what it shows.
    await volumes.remove('bound');
    await volumes.unmount(memory);
    expect([readdirSync(elsewhere), volumes.isMounted(memory)]).toEqual([['there'], false]);
    rmSync(elsewhere, { recursive: true });
  });

  test.each([
    [
      { type: 'none', o: 'bind', device: '/no/such' },
      'mount /no/such:PATH, flags: 0x1000: no such file or directory',
    ],
    [{ type: 'nosuchfs', device: 'x', o: 'a=b' }, 'mount x:PATH, data: a=b: no such device'],
    [{ type: 'tmpfs', device: 'tmpfs', o: 'what' }, 'mount tmpfs:PATH, data: what: invalid argument'],
  ])('what cannot be mounted says why: %j', async (options, why) => {
    const { volumes } = store.storage;
    const volume = await volumes.ensure('data', {}, { options });
    const message = `error while mounting volume '${volume.path}': failed to mount local volume: ${why.replace('PATH', volume.path)}`;
    await expect(volumes.mount(volume)).rejects.toMatchObject({ code: 'volume-mount-failed', message });
  });

  test('a server that does not answer is asked by another process', async () => {
    const { volumes } = store.storage;
    const volume = await volumes.ensure(
      'nfs',
      {},
      { options: { type: 'nfs', device: ':/x', o: 'addr=127.0.0.1' } },
    );
    const mounting = volumes.mount(volume);
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    await expect(mounting).rejects.toMatchObject({
      code: 'volume-mount-failed',
      message: expect.stringContaining('data: addr=127.0.0.1') as string,
    });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(1);
  });
});
