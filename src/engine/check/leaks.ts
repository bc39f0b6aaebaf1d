import type { Builder } from '../../build/index.ts';
import { STEP_ID_PREFIX } from '../../build/runtime-step-runner.ts';
import type { Host } from '../../host/host.ts';
import { names, type EngineIdentity } from '../../model/engine-identity.ts';
import type { InstanceState } from '../../model/instance-status.ts';
import type { Isolation } from '../../model/isolation.ts';
import type { Network } from '../../network/network.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { Leftover } from '../../model/leftover.ts';
import type { RootStorage } from '../../storage/storage.ts';
import type { FilesAtRest } from '../instances/files-at-rest.ts';
import type { Registry } from '../instances/registry.ts';
import type { NetworkCatalog } from '../networks/catalog.ts';
import { runFolders } from './run-folders.ts';
import type { VolumeUses } from '../volumes/uses.ts';

export interface LeakParts {
  readonly host: Pick<Host, 'files' | 'mounts'>;
  readonly identity: EngineIdentity;
  readonly registry: Registry;
  readonly network: Pick<Network, 'inventory'>;
  readonly roots: Pick<RootStorage, 'inventory'>;
  readonly runtimes: Readonly<Record<Isolation, Pick<Runtime, 'inventory'>>>;
  readonly uses: Pick<VolumeUses, 'inventory'>;
  /** A VM may be booted for them though its record is at rest. */
  readonly filesAtRest: Pick<FilesAtRest, 'has'>;
  readonly catalog: Pick<NetworkCatalog, 'damaged'>;
  /** Its steps run without a record. */
  readonly builder: Pick<Builder, 'owns' | 'inventory'>;
}

/** Kinds that an instance has only while it runs. */
const OF_A_RUN: ReadonlySet<Leftover['kind']> = new Set([
  'process',
  'cgroup',
  'namespace',
  'link',
  'nft',
  'mount',
]);

/** Everything on the host with this engine's mark that no record accounts for. */
export async function findLeaks(parts: LeakParts): Promise<readonly Leftover[]> {
  const known = parts.registry.ids();
  const inventories = await Promise.all([
    parts.network.inventory(),
    parts.roots.inventory(known),
    ...Object.values(parts.runtimes).map((runtime) => runtime.inventory()),
  ]);
  // Two runtimes may find the same thing.
  const unique = new Map(
    [
      ...inventories.flat(),
      ...runFolders(parts.host, parts.identity),
      ...parts.builder.inventory(),
      ...parts.uses.inventory(),
    ].map((leftover) => [`${leftover.kind} ${leftover.what}`, leftover]),
  );
  const stateOf = stateFinder(parts);
  // The parent group lives as long as the engine.
  const parent = names.cgroupParent(parts.identity);
  return [...unique.values()].filter(({ owner, kind, what }) => {
    if (kind === 'cgroup' && what === parent) return false;
    if (owner !== null && parts.builder.owns(owner)) return false;
    // It may be of an instance or a network whose record nobody can read.
    if (owner === null && OF_A_RUN.has(kind) && isUnclear(parts)) return false;
    return isLeak({ kind }, owner === null ? null : stateOf(owner));
  });
}

function isUnclear({ registry, catalog }: LeakParts): boolean {
  return registry.damaged.list().length > 0 || catalog.damaged().length > 0;
}

/**
 * What a new daemon may remove without being asked: all but what runs, or may belong to what runs, without any record. The engine makes no such thing, so
 * its record was lost; only the build's steps run without one. Pure.
 */
export function removableAtStart(
  leaks: readonly Leftover[],
  isKnown: (owner: string) => boolean,
): readonly Leftover[] {
  const isStep = (owner: string): boolean => owner.startsWith(STEP_ID_PREFIX);
  const lost = new Set(
    leaks.flatMap(({ kind, owner }) =>
      kind === 'process' && owner !== null && !isStep(owner) && !isKnown(owner) ? [owner.slice(0, 12)] : [],
    ),
  );
  if (lost.size === 0) return leaks;
  return leaks.filter(({ kind, owner }) =>
    owner === null ? !OF_A_RUN.has(kind) : !lost.has(owner.slice(0, 12)),
  );
}

/** Pure. `state` null: nobody owns it. */
export function isLeak(leftover: Pick<Leftover, 'kind'>, state: InstanceState | null): boolean {
  switch (state) {
    case null:
      return true;
    case 'created':
    case 'restarting':
    case 'exited':
      return OF_A_RUN.has(leftover.kind);
    case 'starting':
    case 'running':
    case 'paused':
    case 'stopping':
    case 'removing':
      return false;
  }
}

/** Owners are full ids or their beginnings, at least 12 digits. */
function stateFinder({ registry, filesAtRest }: LeakParts): (owner: string) => InstanceState | null {
  const states = new Map<string, InstanceState>();
  for (const { id } of registry.damaged.list()) states.set(id.slice(0, 12), 'running');
  for (const { config, status, lease } of registry.all()) {
    // With a lease its run was made ahead.
    const isMade = (status.state === 'created' && lease !== null) || filesAtRest.has(config.id);
    states.set(config.id.slice(0, 12), isMade ? 'starting' : status.state);
  }
  return (owner) => states.get(owner.slice(0, 12)) ?? null;
}
