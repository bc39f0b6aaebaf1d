import { afterAll, beforeAll, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { makeStore, type TestStore } from './support/store.ts';

let store: TestStore;
beforeAll(async () => {
  store = await makeStore();
});
afterAll(async () => await store.destroy());

const quiet = () => undefined;
const inDisk = (disk: string, command: string) =>
  execFileSync('debugfs', ['-R', command, disk], { stdio: ['ignore', 'pipe', 'ignore'] }).toString();

test('requests that cannot be are refused with a reason', async () => {
  const { machines } = store.storage;
  const create = (more: object) => machines.create({ name: 'm', packages: [], ...more }, quiet);
  await expect(create({ name: '../m' })).rejects.toMatchObject({ code: 'invalid-argument' });
  await expect(create({ packages: ['$(x)'] })).rejects.toMatchObject({ code: 'invalid-argument' });
  await expect(create({ size: 1000 })).rejects.toMatchObject({ code: 'invalid-argument' });
  await expect(create({ files: { 'etc/x': '' } })).rejects.toMatchObject({ code: 'invalid-argument' });
  await expect(create({ suite: 'no-such-suite' })).rejects.toMatchObject({ code: 'not-supported' });
  expect(() => machines.get('m')).toThrow(expect.objectContaining({ code: 'machine-not-found' }));
});

test('a machine is a whole Debian with a kernel, an initrd that finds its disk, and given files; made once', async () => {
  const request = { name: 'plain', packages: ['netcat-openbsd'], files: { '/etc/motd': 'made by a test\n' } };
  const machine = await store.storage.machines.create(request, quiet);
  expect(machine.virtualSize).toBe(4 * 1024 ** 3);
  expect(machine.storedSize).toBeGreaterThan(100_000_000);
  expect(machine.storedSize).toBeLessThan(1_500_000_000);
  execFileSync('e2fsck', ['-fn', machine.disk], { stdio: 'ignore' });
  expect(inDisk(machine.disk, 'cat /etc/motd')).toBe('made by a test\n');
  expect(inDisk(machine.disk, 'cat /usr/local/sbin/hull-network')).toContain('hull.ip=');
  expect(
    inDisk(machine.disk, 'stat /etc/systemd/system/multi-user.target.wants/hull-network.service'),
  ).toContain('symlink');
  expect(inDisk(machine.disk, 'stat /usr/bin/nc.openbsd')).toContain('Type: regular');
  expect(inDisk(machine.disk, 'stat /usr/lib/systemd/systemd')).toContain('Mode:  0755');
  // File names are plain text in a cpio archive.
  const contents = gunzipSync(readFileSync(machine.initrd)).toString('latin1');
  for (const module of ['virtio_blk', 'virtio_pci', 'ext4']) expect(contents).toContain(`${module}.ko`);
  expect(statSync(machine.initrd).size).toBeLessThan(15_000_000);
  expect(readdirSync(join(machine.disk, '..')).toSorted()).toEqual(['disk.raw', 'initrd.img', 'vmlinuz']);

  expect(await store.storage.machines.create(request, quiet)).toEqual(machine);
  await expect(store.storage.machines.create({ ...request, packages: [] }, quiet)).rejects.toMatchObject({
    code: 'name-in-use',
  });

  const root = await store.storage.roots.prepareMachine('a'.repeat(64), machine);
  if (root.kind !== 'block' || root.root.layout !== 'machine') throw new Error('a machine was asked for');
  execFileSync('qemu-img', ['check', root.root.disk.path]);
  await store.storage.roots.remove('a'.repeat(64));

  mkdirSync(join(store.identity.dataDir, 'machines/half'));
  store = await store.reopen();
  expect(readdirSync(join(store.identity.dataDir, 'machines'))).toHaveLength(1);
  expect(store.storage.machines.get('plain')).toEqual(machine);
  await store.storage.machines.remove('plain');
  expect([existsSync(machine.disk), store.storage.machines.list()]).toEqual([false, []]);
}, 600_000);
