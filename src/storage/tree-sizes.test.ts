import { afterEach, beforeEach, expect, test } from 'bun:test';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createHost } from '../host/index.ts';
import type { Exec } from '../host/host.ts';
import { SizeCounter, TreeSizes } from './tree-sizes.ts';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'hull-sizes-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('lines add up however they are cut; a file with several names counts once', () => {
  const line = fc.record({ links: fc.integer({ min: 1, max: 3 }), inode: fc.nat(5), size: fc.nat() });
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(40)), (lines, cuts) => {
      let text = lines.map(({ links, inode, size }) => `${links} ${inode} ${size}\n`).join('');
      const counter = new SizeCounter();
      for (const cut of cuts) {
        counter.add(text.slice(0, cut));
        text = text.slice(cut);
      }
      counter.add(text);
      const seen = new Set<number>();
      const expected = lines.reduce((sum, { links, inode, size }) => {
        if (links > 1 && seen.has(inode)) return sum;
        if (links > 1) seen.add(inode);
        return sum + size;
      }, 0);
      expect(counter.bytes).toBe(expected);
    }),
  );
});

test('apparent bytes of files and links, folders left out', async () => {
  mkdirSync(join(folder, 'a/b'), { recursive: true });
  writeFileSync(join(folder, 'a/one'), 'x'.repeat(1000));
  linkSync(join(folder, 'a/one'), join(folder, 'a/b/same'));
  writeFileSync(join(folder, 'sparse'), '');
  truncateSync(join(folder, 'sparse'), 1_000_000);
  symlinkSync('12345', join(folder, 'link'));
  writeFileSync(join(folder, 'new\nline'), 'abc');
  const sizes = new TreeSizes(createHost());
  expect(await sizes.measure(folder)).toBe(1000 + 1_000_000 + 5 + 3);
  expect(await sizes.measure(join(folder, 'nothing'))).toBe(0);
});

test('those who ask at the same time share one walk, which ends with the last of them', async () => {
  const host = createHost();
  let walks = 0;
  const exec: Exec = {
    ...host.exec,
    spawn: (_command, options) => {
      walks += 1;
      return host.exec.spawn(['sleep', '100'], options);
    },
  };
  const sizes = new TreeSizes({ exec });
  const [one, other] = [new AbortController(), new AbortController()];
  const waiting = [sizes.measure(folder, one.signal), sizes.measure(folder, other.signal)];
  const ends = Promise.allSettled(waiting);
  one.abort(new Error('gone'));
  await expect(waiting[0]).rejects.toThrow('gone');
  other.abort(new Error('gone too'));
  expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(walks).toBe(1);
});
