import { readFileSync } from 'node:fs';
import type { Host } from '../../host/host.ts';
import type { EngineIdentity } from '../../model/engine-identity.ts';
import type { Leftover } from '../../model/leftover.ts';
import { endProcess, handleOf } from './process-handle.ts';

/** Stands for an instance's id in the name of a VM that is booted only to see whether it does. */
export const PROBE = 'kvm-probe';

const SHARED_FOLDER = /^(?:source=|--shared-dir=)\/hull-([0-9a-f]{4})-([0-9a-f]{12,64})\/s\d+(?:,|$)/;

/** The name that QEMU carries, by which it is found again: `hull-<tag>-<id>`. */
export function vmName(identity: EngineIdentity, id: string): string {
  return `hull-${identity.tag}-${id}`;
}

/**
 * This engine's QEMU, recorder and virtiofsd processes and share mounts, by what their command lines and paths say. Folders and control groups are
 * listed by the rooms that own their parents. `probing`: this daemon is trying right now whether VMs boot.
 */
export function vmInventory(
  host: Host,
  identity: EngineIdentity,
  { probing = false }: { probing?: boolean } = {},
): Leftover[] {
  const processes = host.processes.list().flatMap((pid): Leftover[] => {
    const owner = ownerOf(commandLine(pid), identity);
    if (owner === null || (probing && owner === PROBE)) return [];
    const handle = handleOf(host, pid);
    // A probe that a daemon left behind when it died belongs to no instance.
    const instance = /^[0-9a-f]{12,64}$/.test(owner) ? owner : null;
    return [{ kind: 'process', what: String(pid), owner: instance, remove: () => endProcess(host, handle) }];
  });
  const mounts = host.mounts.list().flatMap((mount): Leftover[] => {
    const match = mount.target.startsWith(`${identity.runDir}/`)
      ? /([0-9a-f]{12,64})\/(?:[^/]+\/)?s\d+(?:\/[^/]+)?$/.exec(mount.target)
      : null;
    if (match === null) return [];
    return [
      {
        kind: 'mount',
        what: mount.target,
        owner: match[1] ?? null,
        remove: () => host.mounts.unmount(mount.target),
      },
    ];
  });
  return [...processes, ...mounts];
}

/** The instance's id, when the command is a QEMU, recorder or virtiofsd of this engine's. */
export function ownerOf(command: readonly string[], identity: EngineIdentity): string | null {
  const program = command[0] ?? '';
  if (/(^|\/)qemu-system-\w+$/.test(program)) {
    const name = command[command.indexOf('-name') + 1] ?? '';
    const prefix = `guest=hull-${identity.tag}-`;
    return name.startsWith(prefix) ? name.slice(prefix.length) : null;
  }
  if (command[1] === '--instance') {
    const prefix = `hull-${identity.tag}-`;
    return command[2]?.startsWith(prefix) === true ? command[2].slice(prefix.length) : null;
  }
  if (!/(^|\/)virtiofsd$/.test(program)) return null;
  // Its folder, in its own world: `/hull-<tag>-<id>/sN`.
  const [, tag, id] = command.map((word) => SHARED_FOLDER.exec(word)).find((match) => match !== null) ?? [];
  return tag === identity.tag ? (id ?? null) : null;
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
