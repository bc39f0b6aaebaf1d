import { readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Leftover } from '../model/leftover.ts';
import type { RootStorageParts } from './instance-roots.ts';

/** Mounts and folders of this engine that no known instance owns and nobody works on. */
export async function findLeftovers(
  { folders, host, removals, setAside }: Pick<RootStorageParts, 'folders' | 'host' | 'removals' | 'setAside'>,
  knownInstances: ReadonlySet<string>,
  isActive: (path: string) => boolean,
): Promise<readonly Leftover[]> {
  const found: Leftover[] = [];
  const mounts = new Set(host.mounts.list().map((entry) => entry.target));
  const mountPoint = (path: string, owner: string | null) => {
    const remove = async () => {
      await host.mounts.unmount(path);
      rmdirSync(path);
    };
    found.push({ kind: mounts.has(path) ? 'mount' : 'folder', what: path, owner, remove });
  };
  for (const id of readdirSync(folders.roots))
    if (!knownInstances.has(id)) mountPoint(join(folders.roots, id), id);
  for (const name of readdirSync(folders.scratchRoots)) {
    const path = join(folders.scratchRoots, name);
    if (!isActive(path)) mountPoint(path, null);
  }
  const trees = readdirSync(folders.instances).filter((id) => !knownInstances.has(id));
  for (const owner of trees) {
    const what = join(folders.instances, owner);
    const remove = () => Promise.resolve(void setAside.take(what, 'instances'));
    found.push({ kind: 'folder', what, owner, kept: true, remove });
  }
  for (const path of await folders.leftovers()) found.push(tree(path, null));
  return found;

  function tree(path: string, owner: string | null): Leftover {
    return { kind: 'folder', what: path, owner, remove: async () => removals.discard(path) };
  }
}
