import { chunksOf } from '../../lib/streams.ts';
import { encodeHeader, TAR_END } from '../../lib/tar/encode.ts';
import { findDestination } from '../copy/destination.ts';
import { resolveOwner } from '../copy/owner.ts';
import type { WorkdirNode } from '../graph/node.ts';
import { atOrigin } from './at-origin.ts';
import type { PreparedStep, StepTools } from './executor.ts';

/** WORKDIR: makes the folder where there is none. */
export function prepareWorkdir(node: WorkdirNode, tools: StepTools): PreparedStep {
  const { path, owner } = node;
  return {
    facts: { path, owner },
    execute: (root, signal) => atOrigin(node.origin, () => makeFolder(node, tools, root, signal)),
  };
}

async function makeFolder(
  node: WorkdirNode,
  tools: StepTools,
  root: string,
  signal: AbortSignal,
): Promise<void> {
  const { missing } = findDestination(tools.host, root, node.path);
  if (missing.length === 0) return;
  const owner = node.owner === null ? { uid: 0, gid: 0 } : resolveOwner(tools.host, root, node.owner);
  const members = missing.map((name) => encodeHeader({ name, type: 'directory', mode: 0o755, ...owner }));
  await tools.trees.extract(chunksOf(...members, TAR_END), root, { mode: 'plain' }, { signal });
}
