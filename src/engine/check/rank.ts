import type { Leftover } from '../../model/leftover.ts';

const ORDER: readonly Leftover['kind'][] = [
  ...(['process', 'cgroup', 'mount', 'link', 'namespace', 'nft', 'loop', 'file', 'folder'] as const),
];

/** In the order in which they can be removed: processes first, for they hold mounts and namespaces. */
export function byRank(leftovers: readonly Leftover[]): readonly Leftover[] {
  return leftovers.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}
