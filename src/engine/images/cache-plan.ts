import type { Digest } from '../../model/image.ts';
import type { BuildStepEntry } from '../../state/build-cache.ts';
import type { CachedStep } from '../api/disk-usage.ts';
import type { CacheRule } from '../api/images.ts';

/** What a rule means for the build cache: layers that must stay although no image uses them, and steps to forget. */
export interface CachePlan {
  readonly keep: ReadonlySet<Digest>;
  readonly forget: readonly Digest[];
}

/** Steps as they are shown: those whose layer is gone are no more than a memory. */
export function cachedSteps(
  entries: readonly BuildStepEntry[],
  ofImages: ReadonlySet<Digest>,
): readonly (CachedStep & { readonly diffId: Digest | null })[] {
  return entries.flatMap(({ key, diffId, createdAt, bytes }) =>
    bytes === null
      ? []
      : [{ key, diffId, createdAt, bytes, shared: diffId !== null && ofImages.has(diffId) }],
  );
}

/** `entries` with the oldest first. A layer stays when any step that stays has made it; the newest stay within `keepBytes`. */
export function planCachePrune(
  entries: readonly BuildStepEntry[],
  ofImages: ReadonlySet<Digest>,
  rule: CacheRule,
): CachePlan {
  const keep = new Set<Digest>();
  const forget: Digest[] = [];
  let left = rule.keepBytes ?? 0;
  for (const step of cachedSteps(entries, ofImages).toReversed()) {
    const { diffId } = step;
    const bytes = step.shared || (diffId !== null && keep.has(diffId)) ? 0 : step.bytes;
    const fits = rule.keepBytes !== undefined && bytes <= left;
    if (fits) left -= bytes;
    if (fits || rule.matches?.(step) === false) {
      if (diffId !== null) keep.add(diffId);
    } else {
      // What is older than the first that does not fit goes as well.
      left = -1;
      forget.push(step.key);
    }
  }
  return { keep, forget };
}
