import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TarInput } from '../../lib/tar/archive.ts';
import { chunksOf } from '../../lib/streams.ts';
import { LocalTarget } from './local-target.ts';

let folder: string;
let root: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'local-target-'));
  root = join(folder, 'root');
  mkdirSync(root);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function* members(...inputs: TarInput[]): AsyncGenerator<TarInput> {
  for (const input of inputs) yield await Promise.resolve(input);
}

function file(name: string, text: string, more: Partial<TarInput['header']> = {}): TarInput {
  const body = Buffer.from(text);
  return { header: { name, type: 'file', size: body.length, ...more }, body: chunksOf(body) };
}

const unpack = (...inputs: TarInput[]): Promise<void> =>
  new LocalTarget(root, { keepOwner: false, skipped: () => undefined }).unpack(members(...inputs));

describe('what an instance sends to this machine', () => {
  test('is made as it says, but for rights of others', async () => {
    await unpack(
      { header: { name: 'd', type: 'directory', mode: 0o750 } },
      file('d/f', 'text', { mode: 0o6755, mtime: 1_000_000_000_000_000_000n }),
      { header: { name: 'd/l', type: 'symlink', linkName: '/etc/passwd' } },
    );
    expect(readFileSync(join(root, 'd/f'), 'utf8')).toBe('text');
    const facts = lstatSync(join(root, 'd/f'));
    expect([facts.mode & 0o7777, facts.mtimeMs, facts.uid]).toEqual([0o755, 1e12, process.getuid?.() ?? 0]);
    expect(lstatSync(join(root, 'd')).mode & 0o777).toBe(0o750);
  });

  test.each([
    ['a name that leads up', [file('../up', 'x')]],
    ['a name that leads up later', [file('a/../../up', 'x')]],
    [
      'a file behind a link of its own',
      [{ header: { name: 'l', type: 'symlink', linkName: '..' } }, file('l/up', 'x')],
    ],
    [
      'a file behind a hard link to such a link',
      [
        { header: { name: 'l', type: 'symlink', linkName: '..' } },
        { header: { name: 'h', type: 'hardlink', linkName: 'l' } },
        file('h/up', 'x'),
      ],
    ],
    [
      'a folder in the place of such a link',
      [
        { header: { name: 'l', type: 'symlink', linkName: '..' } },
        { header: { name: 'l', type: 'directory' } },
      ],
    ],
    ['a hard link to what lies above', [{ header: { name: 'h', type: 'hardlink', linkName: '../secret' } }]],
  ] as const satisfies readonly (readonly [string, readonly TarInput[]])[])(
    'refuses %s',
    async (_, inputs) => {
      const outcome = await unpack(...inputs).then(
        () => 'done',
        () => 'refused',
      );
      expect(outcome).toBe('refused');
      expect(readdirSync(folder)).toEqual(['root']);
      expect(existsSync(join(folder, 'up'))).toBe(false);
    },
  );

  test('never replaces a folder by a file, nor a file by a folder', async () => {
    mkdirSync(join(root, 'd'));
    await expect(unpack(file('d', 'x'))).rejects.toThrow('cannot overwrite the folder');
    await unpack(file('f', 'x'));
    await expect(unpack({ header: { name: 'f', type: 'directory' } })).rejects.toThrow('which is no folder');
  });
});
