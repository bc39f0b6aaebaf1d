import type { CopyNode } from '../graph/node.ts';
import type { Selected } from './select.ts';
import type { TreeEntry } from './source-tree.ts';

/** The destination as it is in the stage. */
export interface Destination {
  /** Relative to the stage's root, links resolved as far as it exists. */
  readonly path: string;
  /** The parts of `path` that are not there yet, outermost first; the last is `path` itself. Empty when it exists. */
  readonly missing: readonly string[];
  readonly isFolder: boolean;
}

export interface Ownership {
  readonly uid: number;
  readonly gid: number;
}

/** Something to be written at `to`, relative to the stage's root. */
export type Placed =
  | { readonly to: string; readonly entry: TreeEntry }
  | { readonly to: string; readonly content: Uint8Array; readonly mode: number; readonly owner: Ownership };

const ROOT: Ownership = { uid: 0, gid: 0 };

/**
 * Where everything goes, by Docker's rules: a folder's contents go into the destination; a file goes into it when it is a folder (it exists as
 * one, ends with a slash, or there are several sources), else becomes it. Folders on the way are made; one that exists keeps its mode and owner.
 */
export function layOut(
  node: CopyNode,
  items: readonly Selected[],
  destination: Destination,
  owner: Ownership | null,
): Placed[] {
  const several = items.length + node.documents.length > 1;
  const intoFolder = destination.isFolder || several || node.destination.endsWith('/');
  const below = (name: string): string => (destination.path === '' ? name : `${destination.path}/${name}`);
  const fileTarget = (name: string): string => (intoFolder ? below(name) : destination.path);
  const exists = destination.missing.length === 0;
  const placed: Placed[] = [];
  for (const item of items) {
    const isFolder = item.root.type === 'directory';
    for (const entry of item.entries) {
      const inside = entry.path.slice(item.root.path.length).replace(/^\//u, '');
      if (isFolder && inside === '' && exists) continue;
      const to = isFolder ? (inside === '' ? destination.path : below(inside)) : fileTarget(item.name);
      placed.push({ to, entry: changed(entry, node.mode, owner) });
    }
  }
  for (const { name, content } of node.documents) {
    const bytes = new TextEncoder().encode(content);
    placed.push({ to: fileTarget(name), content: bytes, mode: node.mode ?? 0o644, owner: owner ?? ROOT });
  }
  const folders = intoFolder ? destination.missing : destination.missing.slice(0, -1);
  return [...folders.map((to) => ({ to, entry: folder(owner ?? ROOT) })), ...placed];
}

function changed(entry: TreeEntry, mode: number | null, owner: Ownership | null): TreeEntry {
  return {
    ...entry,
    ...(owner === null ? {} : owner),
    ...(mode === null || entry.type === 'symlink' ? {} : { mode }),
  };
}

/** A folder made on the way to the destination. */
function folder(owner: Ownership): TreeEntry {
  return { path: '', type: 'directory', mode: 0o755, ...owner, size: 0, mtime: 0, target: '', device: 0 };
}
