import { archiveOf } from '../copy/archive.ts';
import { findDestination } from '../copy/destination.ts';
import { layOut } from '../copy/layout.ts';
import { resolveOwner } from '../copy/owner.ts';
import { selectSources, type Selection } from '../copy/select.ts';
import { SourceTree } from '../copy/source-tree.ts';
import { splitArchives, unpackArchive } from '../copy/unpack.ts';
import type { CopyNode } from '../graph/node.ts';
import { atOrigin } from './at-origin.ts';
import type { PreparedStep, SourceLayers, StepTools } from './executor.ts';

/** COPY and ADD: finds the sources while they are mounted, and hands the step that knows their digest to `use`. */
export async function withCopy<T>(
  node: CopyNode,
  from: SourceLayers,
  tools: StepTools,
  signal: AbortSignal,
  use: (step: PreparedStep) => Promise<T>,
): Promise<T> {
  const { host, readAttributes, context, storage } = tools;
  const select = async (tree: SourceTree): Promise<T> => {
    try {
      const selection = await selectSources(node, tree, signal);
      return await use(prepared(node, tools, tree, selection));
    } finally {
      tree.close();
    }
  };
  if (node.from.kind === 'context')
    return select(new SourceTree(host, readAttributes, context.root, context.ignored));
  return storage.withReadOnlyLayers(from, (root) => select(new SourceTree(host, readAttributes, root, null)));
}

function prepared(node: CopyNode, tools: StepTools, tree: SourceTree, selection: Selection): PreparedStep {
  const { destination, owner, mode, unpack } = node;
  return {
    facts: { content: selection.digest, destination, owner, mode, unpack },
    execute: (root, signal) => atOrigin(node.origin, () => write(node, tools, tree, selection, root, signal)),
  };
}

async function write(
  node: CopyNode,
  tools: StepTools,
  tree: SourceTree,
  selection: Selection,
  root: string,
  signal: AbortSignal,
): Promise<void> {
  const { host, trees } = tools;
  const owner = node.owner === null ? null : resolveOwner(host, root, node.owner);
  const { archives, others } = node.unpack
    ? await splitArchives(selection.items, tree)
    : { archives: [], others: selection.items };
  const destination = findDestination(host, root, node.destination);
  const placed = layOut(node, others, destination, owner);
  if (placed.length > 0) await trees.extract(archiveOf(placed, tree), root, { mode: 'plain' }, { signal });
  for (const archive of archives)
    await unpackArchive(archive, tree, { host, trees }, root, destination.path, signal);
}
