import { KEEP_LABEL } from '../../model/labels.ts';
import type { GcAction, GcPolicy } from '../api/gc.ts';

interface Fact {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly bytes: number;
  /** Milliseconds since the epoch: from when on nobody has needed it. */
  readonly since: number;
}

export interface InstanceFact extends Fact {
  readonly atRest: boolean;
  readonly imageId: string | null;
  readonly volumes: readonly string[];
}

/** What is there. `users` of images and volumes follow from the instances. */
export interface GcFacts {
  readonly now: number;
  readonly instances: readonly InstanceFact[];
  /** `bytes`: what goes with it alone. */
  readonly images: readonly Fact[];
  /** `removable` false: keeps snapshots, or is not the engine's to delete. */
  readonly volumes: readonly (Fact & { readonly removable: boolean })[];
  /** Layers that only the build cache keeps. */
  readonly buildCache: { readonly bytes: number; readonly newest: number | null };
}

/**
 * What to remove, in the order in which it can be: instances first, for images and volumes that only they use are free after them. Pure.
 */
export function planCollection(facts: GcFacts, policy: GcPolicy): readonly GcAction[] {
  const wants = new Set(policy.kinds);
  const chosen: GcAction[] = [];
  const choose = (kind: GcAction['kind'], all: readonly Fact[], free: (fact: Fact) => boolean): void => {
    if (!wants.has(kind)) return;
    // The youngest that are kept are counted among all: what is in use is no reason to keep more.
    const spared = new Set(all.toSorted(oldestFirst).toReversed().slice(0, policy.keep));
    for (const fact of all.toSorted(oldestFirst)) {
      const age = facts.now - fact.since;
      const kept = fact.labels[KEEP_LABEL] === 'true' || spared.has(fact) || age < policy.olderThan;
      if (!kept && free(fact)) chosen.push({ kind, id: fact.id, name: fact.name, bytes: fact.bytes, age });
    }
  };
  const resting = new Set(facts.instances.filter(({ atRest }) => atRest).map(({ id }) => id));
  choose('container', facts.instances, ({ id }) => resting.has(id));
  const within = (actions: readonly GcAction[]): readonly GcAction[] => withinSize(facts, policy, actions);
  const gone = new Set(within(chosen).map(({ id }) => id));
  const left = facts.instances.filter(({ id }) => !gone.has(id));
  const usedImages = new Set(left.map(({ imageId }) => imageId));
  const usedVolumes = new Set(left.flatMap(({ volumes }) => volumes));
  const removable = new Set(facts.volumes.filter((volume) => volume.removable).map(({ id }) => id));
  choose('image', facts.images, ({ id }) => !usedImages.has(id));
  choose('volume', facts.volumes, ({ id }) => removable.has(id) && !usedVolumes.has(id));
  const { bytes, newest } = facts.buildCache;
  const cacheAge = newest === null ? 0 : facts.now - newest;
  if (wants.has('build-cache') && bytes > 0 && newest !== null && cacheAge >= policy.olderThan)
    chosen.push({ kind: 'build-cache', id: '', name: 'build cache', bytes, age: cacheAge });
  return within(chosen);
}

/** As many as needed until everything fits. */
function withinSize(facts: GcFacts, policy: GcPolicy, actions: readonly GcAction[]): readonly GcAction[] {
  if (policy.maxBytes === null) return actions;
  let total = sizeOf(facts, policy);
  const needed: GcAction[] = [];
  for (const action of actions) {
    if (total <= policy.maxBytes) break;
    needed.push(action);
    total -= action.bytes;
  }
  return needed;
}

/** Bytes of all of the kinds that the policy is about. */
function sizeOf(facts: GcFacts, { kinds }: GcPolicy): number {
  const sum = (all: readonly { readonly bytes: number }[]): number =>
    all.reduce((total, { bytes }) => total + bytes, 0);
  const sizes = {
    container: sum(facts.instances),
    image: sum(facts.images),
    volume: sum(facts.volumes),
    'build-cache': facts.buildCache.bytes,
  };
  return [...new Set(kinds)].reduce((total, kind) => total + sizes[kind], 0);
}

function oldestFirst(a: Fact, b: Fact): number {
  return a.since - b.since || a.id.localeCompare(b.id);
}
