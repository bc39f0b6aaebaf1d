import { readdirSync, rmSync } from 'node:fs';
import type { Cgroups } from '../../host/cgroup.ts';
import type { Host } from '../../host/host.ts';
import type { Leftover } from '../../model/leftover.ts';
import type { OciRuntime } from './oci-runtime.ts';

export interface InventoryScope {
  readonly host: Host;
  readonly cgroups: Cgroups;
  /** Null where this host cannot run the isolation: what does not need its programs is found all the same. */
  readonly oci: Pick<OciRuntime, 'root' | 'delete'> | null;
  /** `hull-<tag>` */
  readonly parent: string;
  readonly exitDir: string;
}

const ID = /^[0-9a-f]{64}$/;

/** Everything of this engine's containers on the host: monitors, control groups, the OCI runtime's state, exit files. */
export function findLeftovers(scope: InventoryScope): Leftover[] {
  return [...monitors(scope), ...states(scope), ...groups(scope), ...exitFiles(scope)];
}

/** conmon processes whose exit folder or runtime state is this engine's. */
function monitors({ host, oci, exitDir }: InventoryScope): Leftover[] {
  const found: Leftover[] = [];
  for (const pid of host.processes.list()) {
    const command = host.processes.command(pid);
    if (
      !(command[0]?.endsWith('conmon') ?? false) ||
      !command.some((word) => word === exitDir || word === oci?.root)
    )
      continue;
    const owner = command[command.indexOf('--cid') + 1] ?? null;
    found.push({
      kind: 'process',
      what: String(pid),
      owner,
      remove: async () => void host.processes.kill(pid, 9),
    });
  }
  return found;
}

function states({ oci }: InventoryScope): Leftover[] {
  if (oci === null) return [];
  return list(oci.root).map((id) => ({
    kind: 'folder',
    what: `${oci.root}/${id}`,
    owner: id,
    remove: () => oci.delete(id),
  }));
}

/** The instances' groups, and the empty parent that they leave. */
function groups({ cgroups, parent }: InventoryScope): Leftover[] {
  const top = cgroups.group(parent);
  if (!top.exists()) return [];
  const ids = new Set(top.folders().flatMap(list));
  if (ids.size === 0)
    return [{ kind: 'cgroup', what: parent, owner: null, remove: () => top.removeWhenEmpty() }];
  return [...ids].map((id) => {
    const group = cgroups.group(`${parent}/${id}`);
    const remove = async () => {
      await group.kill();
      await group.removeWhenEmpty();
    };
    return { kind: 'cgroup', what: group.path, owner: id, remove };
  });
}

function exitFiles({ exitDir }: InventoryScope): Leftover[] {
  return list(exitDir).map((id) => ({
    kind: 'file',
    what: `${exitDir}/${id}`,
    owner: id,
    remove: async () => rmSync(`${exitDir}/${id}`, { force: true }),
  }));
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => ID.test(name));
  } catch {
    return [];
  }
}
