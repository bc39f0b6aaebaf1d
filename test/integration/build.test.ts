import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { join } from 'node:path';
import { readdirSync } from 'node:fs';
import { concat } from '../../src/lib/streams.ts';
import { encodeHeader, TAR_END } from '../../src/lib/tar/encode.ts';
import { isHullError, type HullError } from '../../src/model/errors.ts';
import { until } from '../support/until.ts';
import { BuildBench } from './build/bench.ts';

const bench = new BuildBench();
beforeAll(() => bench.start(), 60_000);
afterAll(() => bench.stop(), 60_000);

async function refusal(promise: Promise<unknown>): Promise<HullError> {
  const error: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (isHullError(error)) return error;
  throw error instanceof Error ? error : new Error('the build succeeded');
}

describe('RUN', () => {
  test('changes the stage, as the user and in the folder it should', async () => {
    const image = await bench.build(
      {
        Dockerfile: [
          'FROM base',
          'ENV GREETING="hello there"',
          'RUN echo "$GREETING" >/greeting && rm /etc/group',
          'WORKDIR /work/deep',
          'USER app',
          'RUN ["/bin/sh", "-c", "id -u; pwd; hostname; touch /tmp/mine"]',
          'CMD ["cat", "/greeting"]',
        ].join('\n'),
      },
      { tags: ['result:1'] },
    );
    const files = await bench.filesOf(image);
    expect(files.get('greeting')?.content).toBe('hello there\n');
    expect(files.has('etc/group')).toBe(false);
    expect(files.get('work/deep')).toMatchObject({ type: 'directory', uid: 0 });
    expect(files.get('tmp/mine')).toMatchObject({ uid: 1000, gid: 1000 });
    expect(bench.output()).toBe('1000\n/work/deep\nbuild\n');
    expect(image.config.config).toMatchObject({
      Cmd: ['cat', '/greeting'],
      User: 'app',
      WorkingDir: '/work/deep',
    });
    expect(bench.images.find('result:1')?.id).toBe(image.id);
    const layers = image.config.history?.filter((entry) => entry.empty_layer !== true);
    expect(layers?.length).toBe(image.layers.length);
  });

  test('leaves no mount places of the runtime behind', async () => {
    const image = await bench.build({
      Dockerfile:
        'FROM base\nRUN rm -r /proc /sys /dev 2>/dev/null; true\nRUN test -f /.dockerenv && touch /x',
    });
    const files = await bench.filesOf(image);
    for (const path of ['.dockerenv', 'etc/resolv.conf', 'etc/hosts', 'etc/hostname', 'dev/null'])
      expect(files.has(path)).toBe(false);
    expect(files.has('x')).toBe(true);
  });

  test('reaches names and addresses through the engine’s network', async () => {
    await bench.build({
      Dockerfile: 'FROM base\nRUN cat /etc/resolv.conf && ip route && grep build /etc/hosts',
    });
    const { gateway } = bench.network.describe();
    expect(bench.output()).toContain(`nameserver ${gateway}`);
    expect(bench.output()).toContain(`default via ${gateway}`);
  });

  test('a failing one is told with status, line and last output', async () => {
    const error = await refusal(
      bench.build({ Dockerfile: 'FROM base\n\nRUN echo before; echo why >&2; sh -c "exit 3"' }),
    );
    expect(error.code).toBe('build-failed');
    expect(error.message).toContain('Dockerfile:3:1: the command ended with status 3');
    expect(error.details).toMatchObject({ line: 3, exitCode: 3, step: 2 });
    expect(error.details['output']).toEqual(expect.arrayContaining(['before', 'why']));
    const missing = await refusal(bench.build({ Dockerfile: 'FROM base\nRUN ["/nothere"]' }));
    expect(missing.code).toBe('build-failed');
    expect(missing.details).toMatchObject({ line: 2 });
  });

  test('is killed when the build is aborted, and nothing is left', async () => {
    const abort = new AbortController();
    const begun = performance.now();
    const build = bench.build({ Dockerfile: 'FROM base\nRUN echo begun; sleep 60' }, {}, abort.signal);
    while (!bench.output().includes('begun') && performance.now() - begun < 50_000) await Bun.sleep(20);
    const found = await bench.runtime.inventory();
    expect(found.length).toBeGreaterThan(0);
    expect(found.every(({ owner }) => owner !== null && bench.builder.owns(owner))).toBe(true);
    expect(bench.builder.inventory()).toEqual([]);
    abort.abort(new Error('no longer wanted'));
    expect(String(await build.catch((error: unknown) => error))).toContain('no longer wanted');
    expect(performance.now() - begun).toBeLessThan(55_000);
    expect(await bench.leftovers()).toEqual([]);
  });
});

describe('COPY and ADD', () => {
  test('owners, modes, wildcards, links and .dockerignore', async () => {
    const image = await bench.build({
      Dockerfile: [
        'FROM base',
        'RUN ln -s /srv /var; mkdir /srv',
        'COPY . /all/',
        'COPY --chown=app --chmod=0640 *.txt /txt/',
        'COPY one.txt /var/www/index',
        'COPY --chown=5:6 dir /made/here',
      ].join('\n'),
      '.dockerignore': 'secret\n*.log\n!keep.log\n',
      'one.txt': '1',
      'two.txt': '2',
      'secret/key': 'x',
      'a.log': 'x',
      'keep.log': 'kept',
      'dir/in/file': 'deep',
      'dir/link': { header: { name: '', type: 'symlink', linkName: '/etc/shadow', mode: 0o777 } },
    });
    const files = await bench.filesOf(image);
    const all = [...files.keys()].filter((name) => name.startsWith('all/')).toSorted();
    expect(all).toEqual([
      'all/.dockerignore',
      'all/Dockerfile',
      'all/dir',
      'all/dir/in',
      'all/dir/in/file',
      'all/dir/link',
      'all/keep.log',
      'all/one.txt',
      'all/two.txt',
    ]);
    expect(files.get('all/one.txt')).toMatchObject({ uid: 0, gid: 0, content: '1' });
    expect(files.get('txt/two.txt')).toMatchObject({ uid: 1000, gid: 1000, mode: 0o640 });
    expect(files.get('srv/www/index')?.content).toBe('1');
    expect(files.get('made')).toMatchObject({ uid: 5, gid: 6, mode: 0o755 });
    expect(files.get('made/here/in/file')).toMatchObject({ uid: 5, content: 'deep' });
    expect(files.get('made/here/link')).toMatchObject({ type: 'symlink', content: '/etc/shadow' });
  });

  test('from other stages, owners kept, into scratch; unused stages are not built', async () => {
    const image = await bench.build({
      Dockerfile: [
        'FROM base AS tools',
        'RUN mkdir /out && echo tool >/out/tool && chmod 4755 /out/tool && touch /out/mine',
        'USER app',
        'RUN mkdir -p /tmp/o && touch /tmp/o/file && ln -s /etc/passwd /tmp/o/link',
        'FROM base AS unused',
        'RUN false',
        'FROM scratch',
        'COPY --from=tools /out/ /',
        'COPY --from=0 /tmp/o/ /o/',
        'COPY --from=base /bin/busybox /bin/',
        'ENTRYPOINT ["/bin/busybox"]',
      ].join('\n'),
    });
    const files = await bench.filesOf(image);
    expect([...files.keys()].toSorted()).toEqual([
      'bin',
      'bin/busybox',
      'mine',
      'o',
      'o/file',
      'o/link',
      'tool',
    ]);
    expect(files.get('tool')).toMatchObject({ mode: 0o4755, content: 'tool\n' });
    expect(files.get('o/file')).toMatchObject({ uid: 1000, gid: 1000 });
    expect(image.layers).toHaveLength(3);
  });

  test('links in stages and context never lead to the host', async () => {
    const image = await bench.build({
      Dockerfile: [
        'FROM base AS evil',
        'RUN ln -s /etc/hostname-of-host /leak && ln -s ../../../../.. /up && mkdir -p /etc && echo inside >/etc/hostname-of-host',
        'FROM base',
        'COPY --from=evil /leak /got',
        'COPY --from=evil /up/etc/hostname-of-host /got2',
        'RUN ln -s / /escape && ln -s ../../../../../../tmp /far',
        'COPY file /far/placed',
        'COPY file /escape/also',
      ].join('\n'),
      file: 'content',
    });
    const files = await bench.filesOf(image);
    expect(files.get('got')).toMatchObject({ type: 'file', content: 'inside\n' });
    expect(files.get('got2')?.content).toBe('inside\n');
    expect(files.get('tmp/placed')?.content).toBe('content');
    expect(files.get('also')?.content).toBe('content');
  });

  test('ADD unpacks local archives, COPY does not; documents become files', async () => {
    const tarOf = (name: string): Uint8Array =>
      concat([
        encodeHeader({ name, type: 'file', size: 8 }),
        Buffer.from('unpacked'),
        new Uint8Array(504),
        TAR_END,
      ]);
    const archive = { header: { name: '', type: 'file' as const }, body: gzipSync(tarOf('in/side')) };
    const image = await bench.build({
      Dockerfile:
        'FROM base\nADD a.tgz plain.gz b.tar.xz /added/\nCOPY a.tgz /copied/\nENV X=1\nCOPY --chmod=755 <<run.sh /d/\n#!/bin/sh\necho $X\nrun.sh\nRUN /d/run.sh',
      'a.tgz': archive,
      'b.tar.xz': {
        header: { name: '', type: 'file' },
        body: execFileSync('xz', ['-c'], { input: tarOf('from/xz') }),
      },
      'plain.gz': { header: { name: '', type: 'file' }, body: gzipSync('just text') },
    });
    const files = await bench.filesOf(image);
    expect(files.get('added/in/side')?.content).toBe('unpacked');
    expect(files.get('added/from/xz')?.content).toBe('unpacked');
    expect(files.get('added/plain.gz')?.type).toBe('file');
    expect(files.get('copied/a.tgz')?.type).toBe('file');
    expect(bench.output()).toBe('1\n');
  });

  test('a missing source is named; what cannot be written is told with its line', async () => {
    const error = await refusal(bench.build({ Dockerfile: 'FROM base\nCOPY nothere.txt /' }));
    expect(error.code).toBe('path-not-found');
    expect(error.message).toContain('"nothere.txt" was not found in the build context');
    const blocked = await refusal(
      bench.build({ Dockerfile: 'FROM base\nCOPY file /etc/passwd/x', file: '' }),
    );
    expect(blocked.message).toContain('Dockerfile:2:1');
    expect(await bench.leftovers()).toEqual([]);
  });
});

describe('the cache', () => {
  const files = {
    Dockerfile: 'FROM base\nRUN echo one >/1\nCOPY src /src\nRUN echo two >/2\nENV A=1',
    'src/file': 'content',
  };

  test('the same again is the same image, without running anything', async () => {
    const first = await bench.build(files);
    const again = await bench.build(files);
    expect(again.id).toBe(first.id);
    expect(bench.cached()).toBe(3);
    const changed = await bench.build({ ...files, 'src/file': 'other' });
    expect(bench.cached()).toBe(1);
    expect(changed.id).not.toBe(first.id);
    await bench.build(files, { noCache: true });
    expect(bench.cached()).toBe(0);
  });

  test('dates are those asked for', async () => {
    const image = await bench.build(files, { args: { SOURCE_DATE_EPOCH: '1700000000' } });
    expect(image.config.created).toBe('2023-11-14T22:13:20.000Z');
  });
});

describe('the context', () => {
  test('an image that is removed meanwhile takes nothing from a build that has found its layers', async () => {
    const own = 'RUN echo own >/own';
    const before = await bench.build({ Dockerfile: `FROM base\n${own}` });
    const files = {
      Dockerfile: `FROM base AS slow\nRUN sleep 1; touch /made\nFROM base\n${own}\nCOPY --from=slow /made /`,
    };
    const building = bench.build(files, { tags: ['result:held'] });
    await until('the cached step', async () => (bench.cached() === 1 ? true : null));
    await bench.images.remove(before.id);
    const image = await building;
    expect([...(await bench.filesOf(image)).keys()]).toEqual(expect.arrayContaining(['own', 'made']));
    expect(await bench.images.remove(image.id)).toContain(before.config.rootfs.diff_ids.at(-1) ?? before.id);
  });

  test('another blueprint, its own ignore file, and a missing one', async () => {
    const image = await bench.build(
      {
        'sub/web.Dockerfile': 'FROM base\nCOPY . /c',
        'sub/web.Dockerfile.dockerignore': 'a',
        a: '1',
        b: '2',
      },
      { blueprint: 'sub/web.Dockerfile' },
    );
    const found = await bench.filesOf(image);
    expect([found.has('c/a'), found.has('c/b')]).toEqual([false, true]);
    expect((await refusal(bench.build({ x: '' }))).message).toContain('no blueprint "Dockerfile"');
    const link = { header: { name: '', type: 'symlink' as const, linkName: '/etc/passwd', mode: 0o777 } };
    expect((await refusal(bench.build({ Dockerfile: link }))).code).toBe('path-not-found');
  });

  test('a malformed tag is refused before anything is done', async () => {
    expect(
      (await refusal(bench.build({ Dockerfile: 'FROM base\nRUN echo ran' }, { tags: ['UPPER:case'] }))).code,
    ).toBe('invalid-reference');
    expect(bench.output()).toBe('');
  });

  test('nothing of it stays, whatever happened', async () => {
    await refusal(bench.build({ Dockerfile: 'FROM base\nRUM x' }));
    expect(readdirSync(join(bench.identity.dataDir, 'tmp'))).toEqual([]);
    expect(await bench.leftovers()).toEqual([]);
  });
});
