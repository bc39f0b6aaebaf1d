import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { createHost } from '../../src/host/index.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { chunksOf, collect } from '../../src/lib/streams.ts';
import { packTar, readTar, type TarInput } from '../../src/lib/tar/archive.ts';
import type { TarMember } from '../../src/lib/tar/encode.ts';
import { archiveStream, extractTar } from '../../src/storage/confined.ts';
import type { ExtractOptions } from '../../src/storage/trees.ts';

const host = createHost();
const self = [process.execPath, join(import.meta.dir, 'support/internal.ts')];
let folder = '';
let root = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hull-confined-'));
  root = join(folder, 'root');
  mkdirSync(root);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const shell = (script: string) => execFileSync('bash', ['-euc', script], { cwd: folder }).toString();
const file = (name: string, body = '', more: Partial<TarMember> = {}): TarInput => ({
  header: { name, type: 'file', ...more },
  body: Buffer.from(body),
});
const member = (name: string, type: TarMember['type'], more: Partial<TarMember> = {}): TarInput => ({
  header: { name, type, ...more },
});

async function unpack(inputs: TarInput[], options: ExtractOptions = { mode: 'layer' }) {
  return await extractTar(host, packTar(inputs), root, options, { self });
}

describe('unpacking', () => {
  test('keeps owners, modes, times, links, devices and attributes', async () => {
    const capability = Uint8Array.from(Buffer.from('0100000200040000000000000000000000000000', 'hex'));
    await unpack([
      member('d', 'directory', { mode: 0o1777, mtime: 1_600_000_000_123_456_789n, uid: 7 }),
      file('d/f', 'hello', {
        mode: 0o4755,
        uid: 12,
        gid: 34,
        mtime: 1_500_000_000_987_654_321n,
        xattrs: new Map([
          ['user.x', Uint8Array.of(0, 10, 255)],
          ['security.capability', capability],
        ]),
      }),
      member('d/hard', 'hardlink', { linkName: 'd/f' }),
      member('d/soft', 'symlink', { linkName: '../outside', uid: 5, mtime: 1n }),
      member('d/null', 'character-device', { devMajor: 1, devMinor: 300, mode: 0o666 }),
      member('d/pipe', 'fifo'),
      file('odd\udcff', 'bytes'),
    ]);
    expect(shell(`stat -c '%a %u %g %h %y' root/d/f`)).toBe(
      '4755 12 34 2 2017-07-14 02:40:00.987654321 +0000\n',
    );
    expect(shell(`stat -c '%a %u %y' root/d`)).toBe('1777 7 2020-09-13 12:26:40.123456789 +0000\n');
    expect(readlinkSync(join(root, 'd/soft'))).toBe('../outside');
    expect(shell(`stat -c '%u %F' root/d/soft root/d/pipe; stat -c '%t:%T %a' root/d/null`)).toBe(
      '5 symbolic link\n0 fifo\n1:12c 666\n',
    );
    expect(
      shell(
        `getfattr --absolute-names -d -m- -e hex root/d/f 2>/dev/null || python3 -c "import os;print({k:os.getxattr('root/d/f',k).hex() for k in os.listxattr('root/d/f')})"`,
      ),
    ).toContain(Buffer.from(capability).toString('hex'));
    expect(shell(`cat root/odd$'\\377'`)).toBe('bytes');
  });

  test('says the digest of the uncompressed archive, whatever it was compressed with, and keeps gzip blobs byte for byte', async () => {
    const plain = await collect(packTar([file('f', 'x'.repeat(100_000))]));
    const two = Buffer.concat([gzipSync(plain.subarray(0, 5000)), gzipSync(plain.subarray(5000))]);
    for (const [index, blob] of [plain, gzipSync(plain), two, zstdCompressSync(plain)].entries()) {
      const target = join(folder, `t${index}`);
      mkdirSync(target);
      const output = join(folder, `blob${index}`);
      const descriptor = openSync(output, 'wx');
      const result = await extractTar(
        host,
        chunksOf(blob.subarray(0, 100), blob.subarray(100)),
        target,
        { mode: 'layer' },
        { self, output: descriptor },
      );
      closeSync(descriptor);
      expect(result).toMatchObject({
        diffId: digestOf(plain),
        bytes: plain.length,
        entries: 1,
        unpackedSize: 100_000,
      });
      const kept = readFileSync(output);
      expect(result.blob).toEqual({ digest: digestOf(kept), size: kept.length });
      if (blob[0] === 0x1f) expect(Buffer.compare(kept, blob)).toBe(0);
      expect(digestOf(execFileSync('gzip', ['-dc', output]))).toBe(digestOf(plain));
    }
  });

  test('turns whiteouts into overlay marks that never hide what the same layer has', async () => {
    await unpack([
      file('etc/.wh.gone'),
      file('new/.wh..wh..opq'),
      file('new/kept', 'k'),
      file('same', 's'),
      file('.wh.same'),
      file('.wh.later'),
      file('later/inside', 'i'),
      file('.wh.folder'),
      member('folder', 'directory'),
      file('.wh..wh.plnk/secret', 'x'),
    ]);
    expect(shell(`stat -c '%F %t:%T' root/etc/gone`)).toBe('character special file 0:0\n');
    expect(readFileSync(join(root, 'same'), 'utf8')).toBe('s');
    const opaque = (name: string) =>
      shell(
        `python3 -c "import os;print(os.getxattr('root/${name}','trusted.overlay.opaque').decode())"`,
      ).trim();
    expect([opaque('new'), opaque('later'), opaque('folder')]).toEqual(['y', 'y', 'y']);
    expect(readFileSync(join(root, 'later/inside'), 'utf8')).toBe('i');
    expect(existsSync(join(root, '.wh..wh.plnk'))).toBe(false);
  });

  test('in mode plain, follows links to folders inside the root and takes over owner and mode', async () => {
    mkdirSync(join(root, 'usr/lib'), { recursive: true });
    shell('ln -s /usr/lib root/lib; ln -s ../../../../../../usr root/up');
    await unpack(
      [
        member('lib', 'directory', { mode: 0o700 }),
        file('lib/a', 'A'),
        file('up/b', 'B'),
        file('.wh.c', 'C'),
      ],
      {
        mode: 'plain',
        into: '/up/../up/./lib',
        owner: { uid: 3, gid: 4 },
        permissions: 0o640,
      },
    );
    await unpack([file('lib/top', 'T')], { mode: 'plain' });
    expect(readFileSync(join(root, 'usr/lib/top'), 'utf8')).toBe('T');
    expect(shell(`stat -c '%a %u %g' root/usr/lib/lib/a; ls -A root/usr/lib | sort | tr '\\n' ' '`)).toBe(
      '640 3 4\n.wh.c lib top up ',
    );
    expect(lstatSync(join(root, 'lib')).isSymbolicLink()).toBe(true);
  });

  test('in mode plain, a file never replaces a folder unless asked', async () => {
    mkdirSync(join(root, 'a/b'), { recursive: true });
    await expect(unpack([file('a', 'x')], { mode: 'plain' })).rejects.toMatchObject({
      code: 'archive-invalid',
      message: expect.stringContaining('cannot replace the folder /a'),
    });
    await unpack([file('a', 'x')], { mode: 'plain', replace: true });
    expect(readFileSync(join(root, 'a'), 'utf8')).toBe('x');
  });
});

describe('hostile archives cannot leave the folder', () => {
  const outside = () => join(folder, 'outside');
  beforeEach(() => {
    mkdirSync(outside());
    writeFileSync(join(outside(), 'victim'), 'untouched');
  });
  const intact = () => {
    expect(readFileSync(join(outside(), 'victim'), 'utf8')).toBe('untouched');
    expect(shell('ls outside')).toBe('victim\n');
  };

  test.each([['../outside/evil'], ['a/../../outside/evil'], ['/../outside/evil']])(
    'by the name %s',
    async (name) => {
      await expect(unpack([file(name, 'evil')])).rejects.toMatchObject({ code: 'archive-invalid' });
      intact();
    },
  );
  test('by links to folders, absolute or relative', async () => {
    for (const linkName of [outside(), '../outside', '../../../../../../../..' + outside()]) {
      const attempt = unpack([member('link', 'symlink', { linkName }), file('link/evil', 'evil')]);
      await expect(attempt).rejects.toMatchObject({ code: 'archive-invalid' });
    }
    intact();
  });
  test('by hard links through links', async () => {
    const inputs = [
      member('l', 'symlink', { linkName: outside() }),
      member('h', 'hardlink', { linkName: 'l/victim' }),
      file('h', 'evil'),
    ];
    await expect(unpack(inputs)).rejects.toMatchObject({ code: 'archive-invalid' });
    intact();
  });
  test('by writing through a link that is in the way', async () => {
    await unpack([member('f', 'symlink', { linkName: join(outside(), 'victim') }), file('f', 'mine')]);
    intact();
    expect(readFileSync(join(root, 'f'), 'utf8')).toBe('mine');
  });
  test('by overlay attributes', async () => {
    await unpack([
      member('d', 'directory', {
        xattrs: new Map([
          ['trusted.overlay.redirect', Buffer.from('/etc')],
          ['user.ok', Buffer.from('1')],
        ]),
      }),
    ]);
    expect(shell(`python3 -c "import os;print(os.listxattr('root/d'))"`)).toBe("['user.ok']\n");
  });
  test('nor fill the disk by compression', async () => {
    async function* bomb() {
      yield zstdCompressSync(
        await collect(packTar([{ header: { name: 'f', type: 'file' }, body: new Uint8Array(2 ** 29) }])),
      );
    }
    await expect(extractTar(host, bomb(), root, { mode: 'layer' }, { self })).rejects.toMatchObject({
      code: 'archive-invalid',
    });
    await expect(
      unpack([file('f', 'x'.repeat(5000))], { mode: 'layer', limits: { bytes: 4000 } }),
    ).rejects.toMatchObject({ code: 'archive-invalid' });
  });
});

describe('failures', () => {
  test('damaged compression, damaged archives and failing sources each say what they are', async () => {
    const good = gzipSync(await collect(packTar([file('f', 'x'.repeat(9000))])));
    const damaged = Buffer.from(good).fill(0x55, 20, 60);
    await expect(
      extractTar(host, chunksOf(damaged), root, { mode: 'layer' }, { self }),
    ).rejects.toMatchObject({ code: 'archive-invalid' });
    await expect(
      extractTar(host, chunksOf(good.subarray(0, 60)), root, { mode: 'layer' }, { self }),
    ).rejects.toMatchObject({ code: 'archive-invalid' });
    await expect(
      extractTar(host, chunksOf(Buffer.from('no tar'.repeat(200))), root, { mode: 'layer' }, { self }),
    ).rejects.toMatchObject({ code: 'archive-invalid' });
    async function* failing() {
      yield await collect(packTar([file('f')]));
      throw new Error('the source broke');
    }
    await expect(extractTar(host, failing(), root, { mode: 'layer' }, { self })).rejects.toThrow(
      'the source broke',
    );
  });

  test('a full disk is told as such', async () => {
    shell('mkdir small; mount -t tmpfs -o size=1m tmpfs small');
    try {
      const attempt = extractTar(
        host,
        packTar([file('f', 'x'.repeat(3_000_000))]),
        join(folder, 'small'),
        { mode: 'layer' },
        { self },
      );
      await expect(attempt).rejects.toMatchObject({ code: 'no-space' });
    } finally {
      shell('umount small');
    }
  });
});

describe('archiving', () => {
  test('of an overlay upper folder gives OCI whiteouts, and unpacking it gives the same upper again', async () => {
    shell(`mkdir -p low/d/sub low/o upper work m; echo a > low/gone; echo b > low/d/x; echo c > low/o/hidden
      mount -t overlay overlay m -o lowerdir=low,upperdir=upper,workdir=work
      rm m/gone; rm -r m/o; mkdir m/o; echo new > m/o/n; ln m/o/n m/o/n2; chmod 600 m/d/x; ln -s /d m/l; python3 -c "import socket;socket.socket(socket.AF_UNIX).bind('m/sock')"; umount m`);
    const archive = await collect(archiveStream(host, join(folder, 'upper'), { mode: 'layer' }, { self }));
    const names: string[] = [];
    for await (const { header } of readTar(chunksOf(archive))) {
      names.push(`${header.name}:${header.type}`);
      expect([...header.xattrs.keys()]).toEqual([]);
    }
    expect(names).toEqual([
      'd:directory',
      'd/x:file',
      '.wh.gone:file',
      'l:symlink',
      'o:directory',
      'o/.wh..wh..opq:file',
      'o/n:file',
      'o/n2:hardlink',
    ]);
    const result = await extractTar(host, chunksOf(archive), root, { mode: 'layer' }, { self });
    expect(result.diffId).toBe(digestOf(archive));
    const again = await collect(archiveStream(host, root, { mode: 'layer' }, { self }));
    expect(Buffer.compare(again, archive)).toBe(0);
  });

  test('resolves paths inside the root, and says when nothing is there', async () => {
    mkdirSync(join(root, 'real'));
    writeFileSync(join(root, 'real/f'), 'F');
    shell('ln -s /real root/link; ln -s ../../../../etc/passwd root/evil; ln -s f root/real/lf');
    const names = async (path: string, more = {}) => {
      const found: string[] = [];
      for await (const { header } of readTar(
        archiveStream(host, root, { mode: 'plain', path, ...more }, { self }),
      ))
        found.push(`${header.name}:${header.type}`);
      return found;
    };
    expect(await names('/link/f')).toEqual(['f:file']);
    expect(await names('link', { name: 'as' })).toEqual(['as:symlink']);
    expect(await names('link', { name: 'as', follow: true })).toEqual([
      'as:directory',
      'as/f:file',
      'as/lf:symlink',
    ]);
    expect(await names('real/lf', { follow: true })).toEqual(['lf:file']);
    await expect(names('evil', { follow: true })).rejects.toMatchObject({ code: 'path-not-found' });
  });

  test('leaving early ends the process', async () => {
    shell('truncate -s 200M root/large');
    for await (const chunk of archiveStream(host, root, { mode: 'plain' }, { self })) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(statSync(join(root, 'large')).size).toBe(200 * 1024 * 1024);
  });
});
