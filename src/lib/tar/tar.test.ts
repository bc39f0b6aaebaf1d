import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { extract as oracleExtract, pack as oraclePack } from 'tar-stream';
import { chunksOf, collect } from '../streams.ts';
import { packTar, parse, readTar, type TarInput } from './archive.ts';
import { encodeHeader, TAR_END } from './encode.ts';
import { formatPax, formatPaxTime, parsePax, parsePaxTime } from './pax.ts';
import { TarError, type TarHeader, type TarLimits, type TarType } from './types.ts';

interface Member {
  readonly header: TarHeader;
  readonly body: Uint8Array;
}

async function readAll(
  archive: Uint8Array,
  pieces = archive.length,
  limits: Partial<TarLimits> = {},
): Promise<Member[]> {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < archive.length; at += Math.max(1, pieces))
    chunks.push(archive.subarray(at, at + Math.max(1, pieces)));
  const members: Member[] = [];
  for await (const { header, body } of readTar(chunksOf(...chunks), limits))
    members.push({ header, body: await collect(body) });
  return members;
}

const name = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 300 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
  )
  .map((text) => text.replaceAll('\0', '_').replace(/\/+$/, '') || 'x');
const member = fc.record({
  name,
  type: fc.constantFrom<TarType>(
    'file',
    'directory',
    'symlink',
    'hardlink',
    'character-device',
    'block-device',
    'fifo',
  ),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.oneof(fc.nat({ max: 70000 }), fc.integer({ min: 0, max: 2 ** 32 })),
  gid: fc.nat({ max: 4_000_000 }),
  mtime: fc.bigInt({ min: -5_000_000_000_000_000_000n, max: 20_000_000_000_000_000_000n }),
  linkName: name,
  devMajor: fc.nat({ max: 4095 }),
  devMinor: fc.nat({ max: 2 ** 20 }),
  userName: fc.string({ maxLength: 40 }).map((text) => text.replaceAll('\0', '')),
  xattrs: fc
    .array(
      fc.tuple(fc.constantFrom('user.a', 'security.capability', 'user.b'), fc.uint8Array({ maxLength: 80 })),
    )
    .map((list) => new Map(list)),
  content: fc.uint8Array({ maxLength: 2000 }),
});

test('what is written is read again, whatever pieces it comes in', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(member, { maxLength: 5 }),
      fc.integer({ min: 1, max: 4000 }),
      async (members, pieces) => {
        const inputs = members.map(({ content, ...header }): TarInput => {
          const link = header.type === 'symlink' || header.type === 'hardlink';
          return {
            header: { ...header, linkName: link ? header.linkName : '' },
            ...(header.type === 'file' ? { body: content } : {}),
          };
        });
        const archive = await collect(packTar(inputs));
        const read = await readAll(archive, pieces);
        expect(read.map(({ header }) => header)).toEqual(
          members.map(({ content, ...given }, index) => {
            const device = given.type === 'character-device' || given.type === 'block-device';
            return {
              ...given,
              groupName: '',
              linkName: inputs[index]?.header.linkName ?? '',
              size: given.type === 'file' ? content.length : 0,
              devMajor: device ? given.devMajor : 0,
              devMinor: device ? given.devMinor : 0,
            };
          }),
        );
        for (const [index, { body }] of read.entries()) {
          if (members[index]?.type === 'file') expect(body).toEqual(members[index].content);
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('arbitrary and damaged bytes are read or refused, never anything else', async () => {
  const good = await collect(
    packTar([
      {
        header: {
          name: 'a/'.repeat(80),
          type: 'directory',
          xattrs: new Map([['user.x', Uint8Array.of(1, 10, 0)]]),
        },
      },
      { header: { name: 'file', type: 'file' }, body: new Uint8Array(700) },
    ]),
  );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 3000 }),
    fc
      .array(fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 })), { maxLength: 8 })
      .map((edits) => {
        const copy = good.slice();
        for (const [at, value] of edits) copy[at] = value;
        return withChecksums(copy);
      }),
  );
  await fc.assert(
    fc.asyncProperty(bytes, fc.integer({ min: 1, max: 3000 }), async (archive, pieces) => {
      try {
        await readAll(archive, pieces);
      } catch (error) {
        expect(error).toBeInstanceOf(TarError);
      }
    }),
    { numRuns: 500 },
  );
});

/** Makes the damage pass the checksum, so that the parser behind it is reached. */
function withChecksums(archive: Uint8Array): Uint8Array {
  for (let at = 0; at + 512 <= archive.length; at += 512) {
    const block = archive.subarray(at, at + 512);
    if (Buffer.from(block.subarray(257, 262)).toString('latin1') !== 'ustar') continue;
    block.fill(0x20, 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
  }
  return archive;
}

describe('pax records', () => {
  test('hold any bytes', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.string({ minLength: 1 }).map((key) => key.replaceAll('=', '-')),
            fc.uint8Array({ maxLength: 300 }),
          ),
        ),
        (records) => expect(parsePax(formatPax(records))).toEqual(records),
      ),
    );
  });
  test('hold times to the nanosecond, before the epoch too', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), (time) =>
        expect(parsePaxTime(formatPaxTime(time))).toBe(time),
      ),
    );
  });
});

test('tar-stream reads what is written here, and the other way round', async () => {
  const xattrs = new Map([['user.note', new TextEncoder().encode('plain text')]]);
  const long = `${'folder/'.repeat(40)}файл`;
  const archive = await collect(
    packTar([
      {
        header: { name: long, type: 'file', mtime: 1_700_000_000_500_000_000n, xattrs, uid: 3_000 },
        body: Buffer.from('hello'),
      },
      { header: { name: 'link', type: 'symlink', linkName: long } },
    ]),
  );
  const seen: unknown[] = [];
  const reader = oracleExtract();
  reader.on('entry', (header, stream, next) => {
    seen.push([
      header.name,
      header.type,
      header.linkname,
      header.uid,
      Object.entries(header.pax ?? {}).find(([key]) => key === 'SCHILY.xattr.user.note')?.[1],
    ]);
    stream.resume();
    stream.on('end', next);
  });
  const finished = new Promise<void>((resolve, reject) =>
    reader.on('finish', () => resolve()).on('error', reject),
  );
  reader.end(archive);
  await finished;
  expect(seen).toEqual([
    [long, 'file', null, 3_000, 'plain text'],
    ['link', 'symlink', long, 0, undefined],
  ]);

  const pack = oraclePack();
  pack.entry({ name: long, mode: 0o4755, uid: 12, mtime: new Date(1_600_000_000_000) }, 'body');
  pack.finalize();
  const [first] = await readAll(await collect(pack as AsyncIterable<Uint8Array>));
  expect(first?.header).toMatchObject({
    name: long,
    mode: 0o4755,
    uid: 12,
    size: 4,
    mtime: 1_600_000_000_000_000_000n,
  });
});

describe('GNU tar', () => {
  let folder = '';
  const shell = (script: string) => execFileSync('bash', ['-euc', script], { cwd: folder });
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'hull-tar-'));
    shell(`mkdir -p tree/sub; cd tree; printf hello > plain; ln plain hard; ln -s ../x/y soft; mkfifo pipe; touch -d '2020-01-02 03:04:05.123456789Z' plain
      truncate -s 9M sparse; for i in 1 3 4 7; do printf "piece$i" | dd of=sparse bs=1M seek=$i conv=notrunc status=none; done
      for i in $(seq 60); do printf x | dd of=many bs=64k seek=$((i*2)) conv=notrunc status=none; done; truncate -s 9M many
      long=$(printf 'n%.0s' $(seq 180)); printf long > sub/$long; ln -s $long sub/link; touch "$(printf 'bad\\377name')"`);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  for (const format of [
    'gnu',
    'pax',
    'oldgnu',
    '--sparse --format=gnu',
    '--sparse --sparse-version=0.0',
    '--sparse --sparse-version=0.1',
    '--sparse --sparse-version=1.0',
  ]) {
    const flags = format.startsWith('--')
      ? format.includes('version')
        ? `--format=pax ${format}`
        : format
      : `--format=${format}`;
    test(`archives of ${flags} are read as the files are`, async () => {
      shell(`tar -C tree ${flags} -cf a.tar .`);
      const members = new Map(
        (await readAll(readFileSync(join(folder, 'a.tar')), 1000)).map((one) => [one.header.name, one]),
      );
      expect([...members.keys()]).toContain('./bad\udcffname');
      for (const file of ['sparse', 'many', 'plain', `sub/${'n'.repeat(180)}`]) {
        const read = members.get(`./${file}`) ?? members.get('./hard');
        const content = readFileSync(join(folder, 'tree', file));
        if (read?.header.type === 'file') expect(Buffer.compare(read.body, content)).toBe(0);
        if (read?.header.type === 'file') expect(read.header.size).toBe(content.length);
      }
      const types = ['./plain', './hard'].map((path) => members.get(path)?.header.type);
      expect(new Set(types)).toEqual(new Set(['file', 'hardlink']));
      expect(members.get('./soft')?.header.linkName).toBe('../x/y');
      expect(members.get('./sub/link')?.header.linkName).toBe('n'.repeat(180));
      expect(members.get('./pipe')?.header.type).toBe('fifo');
      if (flags.includes('sparse')) expect(members.get('./sparse')?.header.sparse?.length).toBeGreaterThan(3);
    });
  }

  test('reads what is written here', async () => {
    const archive = await collect(
      packTar([
        { header: { name: 'd', type: 'directory' } },
        {
          header: { name: `d/${'ü'.repeat(120)}`, type: 'file', mtime: 1_577_934_245_123_456_789n },
          body: Buffer.from('content'),
        },
        { header: { name: 'd/odd\udcff', type: 'file' }, body: new Uint8Array(0) },
      ]),
    );
    await Bun.write(join(folder, 'b.tar'), archive);
    shell('mkdir out; tar -C out -xf b.tar');
    expect(shell(`cat out/d/ü*; stat -c %y out/d/ü* | cut -c21-29; ls out/d | wc -l`).toString()).toBe(
      'content123456789\n2\n',
    );
  });
});

describe('hostile archives', () => {
  const file = (size: number) => encodeHeader({ name: 'f', type: 'file', size });
  test('have bounds', async () => {
    await expect(readAll(file(2 ** 40), 512, { fileBytes: 1000 })).rejects.toThrow('too large');
    const many = Buffer.concat([file(0), file(0), file(0), TAR_END]);
    await expect(readAll(many, 512, { entries: 2 })).rejects.toThrow('more than 2 members');
    const large = Buffer.concat([encodeHeader({ name: 'n'.repeat(5000), type: 'fifo' }), TAR_END]);
    await expect(readAll(large, 512, { headerBytes: 4000 })).rejects.toThrow(
      'extended headers are too large',
    );
  });
  test('cannot collect extended headers without end', async () => {
    const one = encodeHeader({ name: 'n'.repeat(500), type: 'fifo' }).subarray(0, -512);
    await expect(
      readAll(Buffer.concat(Array.from({ length: 20 }, () => one)), 512, { headerBytes: 8000 }),
    ).rejects.toThrow('extended headers are too large');
  });
  test('that are cut off are refused', async () => {
    const archive = await collect(
      packTar([{ header: { name: 'n'.repeat(200), type: 'file' }, body: new Uint8Array(1000) }]),
    );
    for (const end of [100, 600, 1100, 1700, 2300, 2600])
      await expect(readAll(archive.subarray(0, end))).rejects.toThrow('in the middle');
  });
  test('may end where the last member does, its block not filled', async () => {
    const archive = await collect(
      packTar([{ header: { name: 'n', type: 'file' }, body: new Uint8Array(9) }]),
    );
    for (const end of [521, 530, 1024])
      expect((await readAll(archive.subarray(0, end))).map(({ body }) => body.length)).toEqual([9]);
  });
  test('memory stays bounded for a large member', async () => {
    async function* large() {
      yield file(2 ** 30);
      const chunk = new Uint8Array(2 ** 20);
      for (let index = 0; index < 1024; index++) yield chunk;
      yield TAR_END;
    }
    let bytes = 0;
    for await (const event of parse(large())) if (event.type === 'data') bytes += event.bytes.length;
    expect(bytes).toBe(2 ** 30);
  });
});
