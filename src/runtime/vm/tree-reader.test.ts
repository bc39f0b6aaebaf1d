import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { chunksOf, collect } from '../../lib/streams.ts';
import { readTar } from '../../lib/tar/archive.ts';
import type { TarHeader } from '../../lib/tar/types.ts';
import { HullError } from '../../model/errors.ts';
import { GuestSides } from './guest-changes.ts';
import { TreeReader } from './tree-reader.ts';
import { encodeRecord } from './tree-records.ts';

const header = (more: Partial<TarHeader>): TarHeader => ({
  name: '',
  type: 'file',
  mode: 0o644,
  uid: 1,
  gid: 2,
  size: 0,
  mtime: 1_500_000_000n,
  linkName: '',
  devMajor: 0,
  devMinor: 0,
  userName: '',
  groupName: '',
  xattrs: new Map(),
  ...more,
});

/** What a guest sends has the identity of the file as well. */
function record(more: Partial<TarHeader>, identity?: number): Uint8Array {
  const given = header(more);
  const bytes = Buffer.from(encodeRecord(given, given.name, given.linkName));
  if (identity !== undefined) {
    bytes.writeUInt32LE(2, 44);
    bytes.writeUInt32LE(identity, 56);
  }
  return bytes;
}

async function tarOf(stream: AsyncIterable<Uint8Array>, base: string, layer = false): Promise<string[]> {
  const found: string[] = [];
  const names = layer ? { base, layer: { stubs: ['/etc/hosts'] } } : { base };
  for await (const { header: member, body } of readTar(new TreeReader(stream).tar(null, names))) {
    const text = Buffer.from(await collect(body)).toString();
    found.push(`${member.type} ${member.name} ${member.linkName}${text}`.trim());
  }
  return found;
}

describe('TreeReader', () => {
  const tree = [
    record({ name: '', type: 'directory', mode: 0o755 }),
    record({ name: 'a', size: 5 }, 7),
    Buffer.from('hello'),
    record({ name: 'b', size: 5 }, 7),
    Buffer.from('hello'),
    record({ name: 'l', type: 'symlink', linkName: '../x' }),
  ];

  test('makes a tar of records, with names below the base and hard links', async () => {
    const expected = ['directory t', 'file t/a hello', 'hardlink t/b t/a', 'symlink t/l ../x'];
    expect(await tarOf(chunksOf(...tree), 't')).toEqual(expected);
    // However the bytes come.
    const bytes = Buffer.concat(tree);
    const one = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(await tarOf(chunksOf(...one), 't')).toEqual(expected);
  });

  test('a further name of a file comes without its bytes, which must have come', async () => {
    const again = record({ name: 'b', size: 5 }, 7);
    Buffer.from(again.buffer, again.byteOffset).writeUInt32LE(4, 76);
    const [, first, bytes] = tree;
    const sent = [first, bytes, again].filter((piece) => piece !== undefined);
    expect(await tarOf(chunksOf(...sent), 't')).toEqual(['file t/a hello', 'hardlink t/b t/a']);
    const alone = tarOf(chunksOf(again), 't').catch((error: unknown) => (error as HullError).message);
    expect(await alone).toContain('never came');
  });

  test('makes a layer: whiteouts, opaque folders, no mount places', async () => {
    const opaque = new Map([['trusted.overlay.opaque', Buffer.from('y')]]);
    const upper = [
      record({ name: '', type: 'directory' }),
      record({ name: 'd', type: 'directory', xattrs: opaque }),
      record({ name: 'd/gone', type: 'character-device' }),
      record({ name: 'etc', type: 'directory' }),
      record({ name: 'etc/hosts', size: 0 }),
    ];
    expect(await tarOf(chunksOf(...upper), '', true)).toEqual([
      'directory d',
      'file d/.wh..wh..opq',
      'file d/.wh.gone',
      'directory etc',
    ]);
  });

  test.each(['../up', 'a/../../up', '/abs', 'nul\0'])('refuses the name %p', async (name) => {
    expect(
      await tarOf(chunksOf(record({ name })), 't').catch((error: unknown) => (error as HullError).code),
    ).toBe('guest-unreachable');
  });

  test('a guest may send what it likes: an answer or a refusal, never anything else', async () => {
    const stream = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.record({ name: fc.string(), size: fc.nat(300) }).map((some) => record(some)),
        fc.constant(record({ name: 'd', type: 'directory' })),
      ),
    );
    await fc.assert(
      fc.asyncProperty(stream, async (chunks) => {
        const outcome = await collect(new TreeReader(chunksOf(...chunks)).tar(null, { base: 't' })).catch(
          (error: unknown) => error,
        );
        const changes = await GuestSides.read(new TreeReader(chunksOf(...chunks))).catch(
          (error: unknown) => error,
        );
        expect(
          outcome instanceof Uint8Array ||
            (outcome instanceof HullError && outcome.code === 'guest-unreachable'),
        ).toBe(true);
        expect(changes instanceof GuestSides || changes instanceof HullError).toBe(true);
      }),
    );
  });
});
