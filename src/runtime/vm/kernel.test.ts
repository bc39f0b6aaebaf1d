import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { createHost } from '../../host/index.ts';
import { compressionOf } from '../../lib/compression-formats.ts';
import { decompress } from './compression.ts';
import { MODE, writeCpio } from './cpio.ts';
import { bzImagePayload, extractKernel, hasPvhEntry } from './kernel-image.ts';
import { findModules, moduleClosure, parseModuleInfo } from './kernel-modules.ts';
import { buildInitramfs, findKernel } from './kernel.ts';

const host = createHost();
let folder: string;
beforeAll(() => {
  folder = mkdtempSync('/tmp/hull-kernel-');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** An ELF file with one note; `type` 18 is the PVH entry. */
function elf(type: number): Buffer {
  const note = Buffer.alloc(24);
  note.writeUInt32LE(4, 0);
  note.writeUInt32LE(8, 4);
  note.writeUInt32LE(type, 8);
  note.write('Xen\0', 12, 'latin1');
  const head = Buffer.alloc(64 + 56);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], 0);
  head.writeBigUInt64LE(64n, 32);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(1, 56);
  head.writeUInt32LE(4, 64);
  head.writeBigUInt64LE(120n, 72);
  head.writeBigUInt64LE(BigInt(note.length), 96);
  return Buffer.concat([head, note, Buffer.alloc(3000, 'kernel')]);
}

function bzImage(payload: Uint8Array): Buffer {
  const image = Buffer.alloc(1024 + 0x100);
  image[0x1f1] = 1;
  image.write('HdrS', 0x202, 'latin1');
  image.writeUInt32LE(0x100, 0x248);
  image.writeUInt32LE(payload.length, 0x24c);
  return Buffer.concat([image, payload, Buffer.alloc(100)]);
}

const TOOLS = [
  ['xz', ['xz', '-c']],
  ['lzma', ['xz', '--format=lzma', '-c']],
  ['lz4', ['lz4', '-l', '-c']],
  ['zstd', ['zstd', '-c']],
  ['bzip2', ['bzip2', '-c']],
  ['lzo', ['lzop', '-c']],
] as const;

describe('kernel images', () => {
  test('gzip is unpacked from a bzImage', async () => {
    const kernel = elf(18);
    expect(
      Buffer.from((await extractKernel(bzImage(gzipSync(kernel)), host.exec, folder)) ?? []).equals(kernel),
    ).toBe(true);
  });

  for (const [name, command] of TOOLS) {
    test.skipIf(host.exec.which(command[0]) === null)(
      `${name} is unpacked, with the size that the build appends`,
      async () => {
        const kernel = elf(18);
        writeFileSync(`${folder}/plain`, kernel);
        await host.exec.must(['sh', '-c', `${command.join(' ')} <${folder}/plain >${folder}/packed`]);
        const packed = Buffer.from(await Bun.file(`${folder}/packed`).arrayBuffer());
        expect(compressionOf(packed)).toBe(name);
        const size = Buffer.alloc(4);
        size.writeUInt32LE(kernel.length);
        const unpacked = await extractKernel(bzImage(Buffer.concat([packed, size])), host.exec, folder);
        expect(Buffer.from(unpacked ?? []).equals(kernel)).toBe(true);
        size.writeUInt32LE(kernel.length + 1);
        const partial = extractKernel(bzImage(Buffer.concat([packed, size])), host.exec, folder);
        await expect(partial).rejects.toThrow('is the disk full');
      },
    );
  }

  test('an ELF kernel is used as it is, one without a PVH entry not', async () => {
    expect(await extractKernel(elf(18), host.exec, folder)).not.toBeNull();
    expect(await extractKernel(elf(17), host.exec, folder)).toBeNull();
    expect(extractKernel(Buffer.from('text'), host.exec, folder)).rejects.toMatchObject({
      code: 'kernel-not-found',
    });
  });

  test('damaged data is an error, not a crash', async () => {
    const packed = gzipSync(elf(18)).subarray(0, 40);
    expect(decompress(packed, host.exec, folder)).rejects.toMatchObject({ code: 'command-failed' });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        bzImagePayload(bytes);
        hasPvhEntry(Buffer.concat([elf(1).subarray(0, 64), bytes]));
        parseModuleInfo(bytes);
      }),
    );
  });
});

describe('kernel modules', () => {
  test('are found by name, dependencies first, each once', async () => {
    const tree = `${folder}/modules`;
    mkdirSync(`${tree}/drivers`, { recursive: true });
    const module = (depends: string) =>
      Buffer.from(`\x7fELF...\0license=GPL\0depends=${depends}\0softdep=pre: soft-one\0`);
    writeFileSync(`${tree}/drivers/top-one.ko`, module('middle,base'));
    writeFileSync(`${tree}/drivers/middle.ko.gz`, gzipSync(module('base')));
    writeFileSync(`${tree}/base.ko`, module(''));
    writeFileSync(`${tree}/soft-one.ko`, Buffer.from('\0depends=\0'));
    const closure = await moduleClosure(
      ['top_one', 'built_in', 'base'],
      findModules(tree),
      new Set(),
      host.exec,
      folder,
    );
    expect(closure.map((found) => found.name)).toEqual(['soft_one', 'base', 'middle', 'top_one']);
    expect(Buffer.from(closure[2]?.data ?? []).includes('depends=base')).toBe(true);
  });

  test('go into the initramfs with their order', async () => {
    const archive = buildInitramfs(Buffer.from('program'), {
      boot: [{ name: 'one', data: Buffer.from('1') }],
      virtiofs: [{ name: 'two', data: Buffer.from('2') }],
    });
    writeFileSync(`${folder}/archive`, archive);
    expect(archive.length % 4).toBe(0);
    const text = Buffer.from(archive).toString('latin1');
    expect(text).toContain('boot one.ko\nvirtiofs two.ko\n');
    expect(text).toContain('TRAILER!!!');
  });

  test('an archive’s entries are aligned and sized as newc says', () => {
    const archive = Buffer.from(writeCpio([{ name: 'file', mode: MODE.file, data: Buffer.from('hello') }]));
    expect(archive.toString('latin1', 0, 6)).toBe('070701');
    expect(archive.toString('latin1', 14, 22)).toBe('000081a4');
    expect(archive.toString('latin1', 54, 62)).toBe('00000005');
    expect(archive.toString('latin1', 116, 121)).toBe('hello');
    expect(archive.toString('latin1', 124, 130)).toBe('070701');
  });
});

describe('the guest kernel', () => {
  test('is the named one, else a cloud kernel, else the newest', () => {
    const boot = `${folder}/boot`;
    mkdirSync(boot);
    expect(() => findKernel([`${folder}/kernels`, boot])).toThrow('no guest kernel');
    for (const version of ['5.10.0-9-amd64', '6.1.0-10-amd64'])
      writeFileSync(`${boot}/vmlinuz-${version}`, '');
    expect(findKernel([`${folder}/kernels`, boot]).version).toBe('6.1.0-10-amd64');
    writeFileSync(`${boot}/vmlinuz-6.1.0-9-cloud-amd64`, '');
    expect(findKernel([`${folder}/kernels`, boot]).version).toBe('6.1.0-9-cloud-amd64');
    mkdirSync(`${folder}/kernels/boot`, { recursive: true });
    writeFileSync(`${folder}/kernels/boot/vmlinuz-4.0-x`, '');
    expect(findKernel([`${folder}/kernels`, boot]).version).toBe('4.0-x');
    expect(findKernel([boot], `${boot}/vmlinuz-5.10.0-9-amd64`).version).toBe('5.10.0-9-amd64');
    expect(() => findKernel([folder], '/no/such/kernel')).toThrow('/no/such/kernel');
  });
});
