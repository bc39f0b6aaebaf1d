import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { TarInput } from '../../lib/tar/archive.ts';
import { readOperand } from './operand.ts';
import { planCopy, renamed, sourceOf } from './plan.ts';

describe('readOperand', () => {
  test.each([
    ['-', { kind: 'stream' }],
    ['web:/etc', { kind: 'instance', instance: 'web', path: '/etc' }],
    ['web:', { kind: 'instance', instance: 'web', path: '' }],
    ['web:a:b', { kind: 'instance', instance: 'web', path: 'a:b' }],
    ['/a:b', { kind: 'local', path: '/a:b' }],
    ['./a:b', { kind: 'local', path: './a:b' }],
    ['../a:b', { kind: 'local', path: '../a:b' }],
    [':a', { kind: 'local', path: ':a' }],
    ['file', { kind: 'local', path: 'file' }],
  ])('%s', (text, operand) => {
    expect(readOperand(text)).toEqual(operand as ReturnType<typeof readOperand>);
  });
});

// Docker's table (docs, docker container cp).
describe('planCopy', () => {
  const file = sourceOf('/a/src', false);
  const folder = sourceOf('/a/src', true);
  const contents = sourceOf('/a/src/.', true);

  test.each([
    ['a file to a new name', file, '/d/new', null, '/d', 'new'],
    ['a file over a file', file, '/d/old', 'other', '/d', 'old'],
    ['a file into a folder', file, '/d', 'folder', '/d', 'src'],
    ['a folder to a new name', folder, '/d/new', null, '/d', 'new'],
    ['a folder to a new name with a slash', folder, '/d/new/', null, '/d', 'new'],
    ['a folder into a folder', folder, '/d', 'folder', '/d', 'src'],
    ['contents into a folder', contents, '/d', 'folder', '/d', '.'],
    ['contents to a new name', contents, '/d/new', null, '/d', 'new'],
    ['into the root', file, '/', 'folder', '/', 'src'],
  ] as const)('%s', (_, source, path, found, into, name) => {
    expect(planCopy(source, { path, found })).toEqual({ folder: into, name });
  });

  test.each([
    ['a file into a folder that is not there', file, '/d/new/', null, 'there is no folder'],
    ['a file into what is no folder', file, '/d/old/', 'other', 'is no folder'],
    ['a folder over a file', folder, '/d/old', 'other', 'cannot copy a folder'],
  ] as const)('refuses %s', (_, source, path, found, message) => {
    expect(() => planCopy(source, { path, found })).toThrow(message);
  });
});

describe('renamed', () => {
  async function names(
    members: readonly TarInput['header'][],
    base: string,
    name: string,
  ): Promise<string[]> {
    const inputs = (async function* () {
      for (const header of members) yield await Promise.resolve({ header });
    })();
    const found: string[] = [];
    for await (const { header } of renamed(inputs, base, name))
      found.push(`${header.name}${header.linkName ?? ''}`);
    return found;
  }

  test('changes the first part of names and of hard links, not of symbolic links', async () => {
    const members: TarInput['header'][] = [
      { name: 'etc', type: 'directory' },
      { name: 'etc/a', type: 'file' },
      { name: 'etc/b', type: 'hardlink', linkName: 'etc/a' },
      { name: 'etc/c', type: 'symlink', linkName: 'etc/a' },
    ];
    expect(await names(members, 'etc', 'new')).toEqual(['new', 'new/a', 'new/bnew/a', 'new/cetc/a']);
    expect(await names(members, 'etc', '.')).toEqual(['.', './a', './b./a', './cetc/a']);
  });

  test('knows the root, whose members begin with a slash', async () => {
    const members: TarInput['header'][] = [
      { name: '/', type: 'directory' },
      { name: '/bin/sh', type: 'file' },
    ];
    expect(await names(members, '/', '.')).toEqual(['.', './bin/sh']);
  });

  test('refuses what does not begin with the name that was asked for', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (name) => {
        const inside = name === 'etc' || name.startsWith('etc/');
        const outcome = await names([{ name, type: 'file' }], 'etc', 'new').catch(() => null);
        expect(outcome === null).toBe(!inside);
      }),
    );
  });
});
