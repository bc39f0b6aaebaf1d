import { createHash, type Hash } from 'node:crypto';
import { closeSync, read } from 'node:fs';
import { posix } from 'node:path';
import { promisify } from 'node:util';
import { HullError } from '../../model/errors.ts';
import type { CopyNode, CopyPattern } from '../graph/node.ts';
import { detailsOf, locate } from '../parser/source.ts';
import { positionOf } from '../parser/tree.ts';
import type { SourceTree, TreeEntry } from './source-tree.ts';

const readDescriptor = promisify(read);

/** One thing that a copy takes: a file, or a folder whose contents are meant. */
export interface Selected {
  /** What it is called at the destination when that is a folder. */
  readonly name: string;
  readonly root: TreeEntry;
  /** The root and all below it; paths as in the tree. */
  readonly entries: readonly TreeEntry[];
}

export interface Selection {
  readonly items: readonly Selected[];
  /** Of everything that reaches the destination: names, types, modes, owners, contents; not times. */
  readonly digest: string;
}

/** Finds what a copy's patterns name. Rejects `path-not-found` naming the pattern, where it was searched, and the line. */
export async function selectSources(
  node: CopyNode,
  tree: SourceTree,
  signal: AbortSignal,
): Promise<Selection> {
  const hash = createHash('sha256');
  const items: Selected[] = [];
  let characters = 0;
  for (const pattern of node.patterns) {
    const paths = await tree.glob(pattern.path);
    if (paths.length === 0 && !hasWildcard(pattern.path)) throw notFound(node, [pattern]);
    for (const path of paths) {
      const root = tree.resolve(path);
      if (root === null) continue;
      const entries: TreeEntry[] = [];
      for await (const entry of tree.walk(root)) {
        signal.throwIfAborted();
        characters += entry.path.length;
        if (characters > MOST_CHARACTERS) throw tooMuch(pattern.path);
        entries.push(asCopied(node, entry));
        await addEntry(hash, root, entry, node, tree);
      }
      const name = path === '' ? '' : posix.basename(path);
      // What a folder is called does not reach the destination.
      hash.update(`${JSON.stringify(root.type === 'directory' ? '' : name)}\n`);
      items.push({ name, root, entries });
    }
  }
  if (items.length === 0 && node.patterns.length > 0) throw notFound(node, node.patterns);
  for (const document of node.documents) hash.update(`${JSON.stringify(document)}\n`);
  return { items, digest: hash.digest('hex') };
}

/**
 * Characters in the paths of all that one instruction copies: they are in the daemon's memory meanwhile. A million files with ordinary paths have less;
 * ten thousand folders in each other have more.
 */
const MOST_CHARACTERS = 100_000_000;

function tooMuch(path: string): HullError {
  return new HullError(
    'not-supported',
    `"${path}" has too much in it to be copied: its paths have more than ${MOST_CHARACTERS} characters`,
  );
}

/** The folder that the context was unpacked into is the engine's own: its mode says nothing. */
const CONTEXT_MODE = 0o755;

/** What comes from the context belongs to root; a stage's files keep their owner. */
function asCopied(node: CopyNode, entry: TreeEntry): TreeEntry {
  if (node.from.kind !== 'context') return entry;
  return { ...entry, uid: 0, gid: 0, ...(entry.path === '' ? { mode: CONTEXT_MODE } : {}) };
}

async function addEntry(
  hash: Hash,
  root: TreeEntry,
  entry: TreeEntry,
  node: CopyNode,
  tree: SourceTree,
): Promise<void> {
  const { type, mode, uid, gid, size, target, device } = asCopied(node, entry);
  const path = entry.path.slice(root.path.length);
  const attributes =
    type === 'file'
      ? [...tree.attributes(entry)].map(([name, value]) => [name, Buffer.from(value).toString('hex')])
      : [];
  hash.update(`${JSON.stringify([path, type, mode, uid, gid, size, target, device, attributes])}\n`);
  if (type === 'file') await addContent(hash, tree.open(entry));
}

async function addContent(hash: Hash, descriptor: number): Promise<void> {
  try {
    const buffer = Buffer.allocUnsafe(256 * 1024);
    for (;;) {
      const { bytesRead } = await readDescriptor(descriptor, buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    closeSync(descriptor);
  }
}

function hasWildcard(path: string): boolean {
  return /[*?[]/u.test(path);
}

function notFound(node: CopyNode, patterns: readonly CopyPattern[]): HullError {
  const { instruction } = node.origin;
  const names = patterns.map((pattern) => `"${pattern.path}"`).join(', ');
  const where =
    node.from.kind === 'context'
      ? 'in the build context'
      : `in ${instruction.flags.find((flag) => flag.text.startsWith('--from='))?.text.slice(7)}`;
  const hint = node.from.kind === 'context' ? '; is it left out by .dockerignore, or above the context?' : '';
  const at = positionOf(instruction, patterns[0]?.word);
  const message = locate(instruction.source, at, `${names} was not found ${where}${hint}`);
  return new HullError('path-not-found', message, {
    details: { ...detailsOf(instruction.source, at), pattern: patterns.map((p) => p.path) },
  });
}
