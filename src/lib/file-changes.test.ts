import { describe, expect, test } from 'bun:test';
import { fileChanges, type FileFacts, type OverlaySides } from './file-changes.ts';

const file = (more: Partial<FileFacts> = {}): FileFacts => ({
  mode: 0o100644,
  uid: 0,
  gid: 0,
  device: 0n,
  size: 1,
  mtime: 1n,
  ...more,
});
const folder = (more: Partial<FileFacts> = {}): FileFacts => file({ mode: 0o040755, ...more });
const whiteout = file({ mode: 0o020000, size: 0 });

function sides(
  upper: Readonly<Record<string, FileFacts>>,
  lower: Readonly<Record<string, FileFacts>>,
  opaque: readonly string[] = [],
): OverlaySides {
  const namesIn = (side: object, at: string): string[] =>
    Object.keys(side)
      .filter((path) => path.slice(0, path.lastIndexOf('/')) === (at === '/' ? '' : at))
      .map((path) => path.slice(path.lastIndexOf('/') + 1));
  return {
    names: (at) => namesIn(upper, at),
    hidden: (at) => (opaque.includes(at) ? namesIn(lower, at) : []),
    now: (path) => upper[path] ?? null,
    before: (path) => lower[path] ?? null,
  };
}

const told = (...given: Parameters<typeof sides>): string[] =>
  [...fileChanges(sides(...given))].map(({ path, kind }) => `${kind[0]?.toUpperCase()} ${path}`);

// As Docker's daemon told them of such instances.
describe('fileChanges', () => {
  test('a new tree', () => {
    expect(told({ '/n': folder(), '/n/m': folder(), '/n/m/q': file() }, {})).toEqual([
      'A /n',
      'A /n/m',
      'A /n/m/q',
    ]);
  });

  test('a changed file, after the folder that it is in', () => {
    expect(
      told({ '/d': folder({ mtime: 9n }), '/d/x': file({ size: 2 }) }, { '/d': folder(), '/d/x': file() }),
    ).toEqual(['M /d', 'M /d/x']);
  });

  test('a folder that was only looked into is none', () => {
    expect(told({ '/d': folder({ mtime: 9n, size: 8192 }) }, { '/d': folder() })).toEqual([]);
    expect(told({ '/d': folder({ mode: 0o040700 }) }, { '/d': folder() })).toEqual(['M /d']);
  });

  test('what was deleted, alone', () => {
    const lower = { '/d': folder(), '/d/x': folder(), '/d/x/y': file() };
    expect(told({ '/d': folder(), '/d/x': whiteout }, lower)).toEqual(['M /d', 'D /d/x']);
    // A mark without anything below it hides nothing.
    expect(told({ '/d': folder(), '/d/z': whiteout }, lower)).toEqual([]);
  });

  test('a folder that was made again hides what was in it', () => {
    const lower = { '/d': folder(), '/d/x': file(), '/d/y': file() };
    expect(told({ '/d': folder(), '/d/y': file(), '/d/z': file() }, lower, ['/d'])).toEqual([
      'M /d',
      'D /d/x',
      'A /d/z',
    ]);
  });

  test('a folder where a file was, and the other way round', () => {
    expect(told({ '/d': folder(), '/d/x': file() }, { '/d': file() })).toEqual(['M /d', 'A /d/x']);
    expect(told({ '/d': file() }, { '/d': folder(), '/d/x': file() })).toEqual(['M /d']);
  });

  test('mount places that a runtime makes are nobody’s change', () => {
    const stubs = { '/etc': folder(), '/etc/hosts': file({ size: 0 }), '/proc': folder(), '/dev': folder() };
    expect(told(stubs, {})).toEqual([]);
    expect(told({ ...stubs, '/etc/own': file() }, {})).toEqual(['M /etc', 'A /etc/own']);
    expect(told({ '/etc': folder(), '/etc/hosts': file({ size: 0 }) }, { '/etc': folder() })).toEqual([]);
  });
});
