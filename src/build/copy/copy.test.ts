import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync, chmodSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createHost } from '../../host/index.ts';
import { ignoreMatcher } from '../../lib/dockerignore.ts';
import { planBuild } from '../graph/plan.ts';
import type { CopyNode } from '../graph/node.ts';
import { parseBlueprint } from '../parser/parse.ts';
import { imageNamed } from '../testing/image.ts';
import { findDestination } from './destination.ts';
import { layOut, type Destination } from './layout.ts';
import { resolveOwner } from './owner.ts';
import { selectSources, type Selection } from './select.ts';
import { SourceTree } from './source-tree.ts';

const host = createHost();
const signal = new AbortController().signal;
let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hull-copy-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function make(files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    if (content.startsWith('->')) symlinkSync(content.slice(2), join(root, path));
    else writeFileSync(join(root, path), content);
  }
}

function copyNode(instruction: string): CopyNode {
  const platform = { os: 'linux', architecture: 'amd64' };
  const plan = planBuild(
    parseBlueprint(`FROM base\n${instruction}`),
    { args: {}, labels: {}, platform },
    (name) => imageNamed(name),
  );
  if (plan.output.kind !== 'copy') throw new Error('no copy');
  return plan.output;
}

const tree = (patterns: readonly string[] = []): SourceTree =>
  new SourceTree(host, () => new Map(), root, ignoreMatcher(patterns));
const select = (instruction: string, patterns: readonly string[] = []): Promise<Selection> =>
  selectSources(copyNode(instruction), tree(patterns), signal);
const paths = (selection: Selection): string[] =>
  selection.items.flatMap((item) => item.entries.map((entry) => entry.path));
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (error: unknown) => error,
  );

describe('sources', () => {
  test('folders come whole, in order, wildcards match within a name', async () => {
    make({ 'a/x.txt': '1', 'a/b/y.txt': '2', 'c.txt': '3', 'd.md': '4' });
    expect(paths(await select('COPY a /'))).toEqual(['a', 'a/b', 'a/b/y.txt', 'a/x.txt']);
    expect(paths(await select('COPY *.txt */x.* /d/'))).toEqual(['c.txt', 'a/x.txt']);
    expect(paths(await select('COPY ["d.[mn]d", "/d/"]'))).toEqual(['d.md']);
    expect(paths(await select('COPY ../../c.txt /d/'))).toEqual(['c.txt']);
  });

  test('.dockerignore leaves out, exceptions come back with the folder they are in', async () => {
    make({ 'keep.txt': '', 'out/x': '', 'out/in/y': '', 'out/in/z': '' });
    expect(paths(await select('COPY . /', ['out', '!out/in/y']))).toEqual([
      '',
      'keep.txt',
      'out',
      'out/in',
      'out/in/y',
    ]);
    expect(paths(await select('COPY . /', ['out']))).toEqual(['', 'keep.txt']);
  });

  test('a missing one is named with the place where it was looked for', async () => {
    make({ 'a.txt': '', 'secret.txt': '' });
    expect(await failure(select('COPY nothere /'))).toMatchObject({
      code: 'path-not-found',
      details: { line: 2, column: 6 },
    });
    expect(String(await failure(select('COPY *.rs *.go /x/')))).toContain(
      '"*.rs", "*.go" was not found in the build context',
    );
    expect(String(await failure(select('COPY secret.txt /', ['secret*'])))).toContain(
      'left out by .dockerignore',
    );
    expect(paths(await select('COPY a.txt *.rs /x/'))).toEqual(['a.txt']);
  });

  test('links do not lead out: neither as sources, nor in the middle, nor as folders', async () => {
    make({
      'etc/passwd': 'mine',
      abs: '->/etc/passwd',
      up: '->../../../../../etc',
      'dir/link': '->/etc/shadow',
    });
    const [item] = (await select('COPY abs /x')).items;
    expect(item?.root).toMatchObject({ path: 'etc/passwd', size: 4 });
    expect(paths(await select('COPY up/passwd /x'))).toEqual(['etc/passwd']);
    const [, link] = (await select('COPY dir /x')).items.flatMap((found) => found.entries);
    expect(link).toMatchObject({ type: 'symlink', target: '/etc/shadow' });
    expect(await failure(select('COPY etc/passwd/x /'))).toMatchObject({ code: 'path-not-found' });
  });

  test('the digest is of names, modes and contents, not of times', async () => {
    make({ 'a/x': '1', 'b/x': '1', 'c/x': '2', 'd/y': '1' });
    const digest = async (folder: string): Promise<string> => (await select(`COPY ${folder} /`)).digest;
    const withoutName = async (folder: string): Promise<string> => (await select(`COPY ${folder}/ /`)).digest;
    expect(await withoutName('a')).toBe(await withoutName('a'));
    utimesSync(join(root, 'a/x'), 5, 5);
    const before = await digest('a');
    utimesSync(join(root, 'a/x'), 6, 6);
    expect(await digest('a')).toBe(before);
    chmodSync(join(root, 'a/x'), 0o700);
    expect(await digest('a')).not.toBe(before);
    // Another name of the folder is no difference, other content and other names in it are.
    make({ 'e/x': '1' });
    expect(await digest('e')).toBe(await digest('b'));
    const digests = await Promise.all(['b', 'c', 'd'].map(digest));
    expect(new Set(digests).size).toBe(3);
  });
});

describe('destinations', () => {
  const here = (path: string): Destination => findDestination(host, root, path);

  test('are resolved inside the root as far as they exist', () => {
    make({ 'run/x': '', 'var/run': '->/run', file: '', loop: '->loop' });
    expect(here('/var/run')).toEqual({ path: 'run', missing: [], isFolder: true });
    expect(here('/var/run/a/b/')).toEqual({
      path: 'run/a/b',
      missing: ['run/a', 'run/a/b'],
      isFolder: false,
    });
    expect(here('/file')).toEqual({ path: 'file', missing: [], isFolder: false });
    expect(here('/')).toEqual({ path: '', missing: [], isFolder: true });
    expect(here('/loop/x')).toEqual({ path: 'loop/x', missing: ['loop', 'loop/x'], isFolder: false });
  });

  const placed = async (instruction: string): Promise<string[]> => {
    const node = copyNode(instruction);
    const { items } = await selectSources(node, tree(), signal);
    return layOut(node, items, here(node.destination), null).map(({ to }) => to);
  };

  test('files go into folders, or become the destination; folders give their contents', async () => {
    make({ 'f.txt': '1', 'src/a': '1', 'src/sub/b': '2', 'there/x': '' });
    expect(await placed('COPY f.txt /new')).toEqual(['new']);
    expect(await placed('COPY f.txt /new/')).toEqual(['new', 'new/f.txt']);
    expect(await placed('COPY f.txt /p/q/new')).toEqual(['p', 'p/q', 'p/q/new']);
    expect(await placed('COPY f.txt /there')).toEqual(['there/f.txt']);
    expect(await placed('COPY src /there')).toEqual(['there/a', 'there/sub', 'there/sub/b']);
    expect(await placed('COPY src /new')).toEqual(['new', 'new/a', 'new/sub', 'new/sub/b']);
    expect(await placed('COPY src f.txt /')).toEqual(['a', 'sub', 'sub/b', 'f.txt']);
  });

  test('mode and owner are set on everything but links', async () => {
    make({ 'src/a': '1', 'src/l': '->a' });
    const node = copyNode('COPY --chmod=750 --chown=5:6 src /d');
    const { items } = await selectSources(node, tree(), signal);
    const all = layOut(node, items, here('/d'), resolveOwner(host, root, '5:6')).flatMap((item) =>
      'entry' in item ? [item.entry] : [],
    );
    expect(all.map(({ uid, gid }) => [uid, gid])).toEqual([
      [5, 6],
      [5, 6],
      [5, 6],
    ]);
    expect(all.map(({ type, mode }) => [type, mode])).toEqual([
      ['directory', 0o750],
      ['file', 0o750],
      ['symlink', 0o777],
    ]);
  });
});

test('owners are looked up in the stage’s own files', () => {
  make({ 'etc/passwd': 'app:x:1000:1001::/:\nroot:x:0:0::/:\n', 'etc/group': 'staff:x:50:\n' });
  expect(resolveOwner(host, root, 'app')).toEqual({ uid: 1000, gid: 1001 });
  expect(resolveOwner(host, root, 'app:staff')).toEqual({ uid: 1000, gid: 50 });
  expect(resolveOwner(host, root, '7')).toEqual({ uid: 7, gid: 7 });
  expect(resolveOwner(host, root, '7:8')).toEqual({ uid: 7, gid: 8 });
  expect(() => resolveOwner(host, root, 'nobody')).toThrow('no "nobody"');
});
