import { digestOf } from '../../lib/digest.ts';
import type { Digest, LayerInfo } from '../../model/image.ts';

/**
 * The key of a step's result: of the tree it starts from (its layers, not the way they were made, so that a step whose result did not change
 * does not make those after it run again) and of all that decides what the step does. `facts` is plain JSON with its members in fixed order.
 */
export function stepKey(parent: readonly LayerInfo[], kind: string, facts: unknown): Digest {
  return digestOf(JSON.stringify([1, kind, parent.map((layer) => layer.diffId), facts]));
}
