import type { BuildNode } from '../graph/node.ts';
import type { BuildPlan, PlannedStage } from '../graph/plan.ts';
import type { BuildEvent } from '../types.ts';

/**
 * Says each instruction of a plan once, in order within its stage, before anything else is said of it. A stage may be worked on through
 * another one that needs it, so the work itself tells when an instruction's turn has come.
 */
export class StepAnnouncer {
  readonly #plan: BuildPlan;
  readonly #emit: (event: BuildEvent) => void;
  /** How many steps of a stage have been said. */
  readonly #said = new Map<PlannedStage, number>();
  readonly #places = new Map<BuildNode, { readonly stage: PlannedStage; readonly index: number }>();

  constructor(plan: BuildPlan, emit: (event: BuildEvent) => void) {
    this.#plan = plan;
    this.#emit = emit;
    for (const stage of plan.stages) {
      for (const [index, { node }] of stage.steps.entries())
        if (node !== null && !this.#places.has(node)) this.#places.set(node, { stage, index });
    }
  }

  /** The work of `node` begins. */
  begins(node: BuildNode): void {
    const place = this.#places.get(node);
    if (place !== undefined) this.upTo(place.stage, place.index);
  }

  /** Says what has not been said of the stage, up to and with the step at `index`. */
  upTo(stage: PlannedStage, index: number): void {
    const from = this.#said.get(stage) ?? 0;
    if (index < from) return;
    this.#said.set(stage, index + 1);
    for (const [offset, { number, text, base, node }] of stage.steps.slice(from, index + 1).entries()) {
      this.#emit({ type: 'step', number, total: this.#plan.totalSteps, text, stage: stage.name });
      if (base !== undefined) this.#emit({ type: 'layer', digest: base, size: 0, step: number });
      // What only the configuration remembers is done with the saying. (The first of a stage is FROM.)
      else if (node === null && from + offset > 0)
        this.#emit({ type: 'layer', digest: null, size: 0, step: number });
    }
  }
}
