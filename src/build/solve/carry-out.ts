import type { BuildPlan, PlannedStage } from '../graph/plan.ts';
import type { Solved, Solver } from './solver.ts';
import type { StepAnnouncer } from './step-announcer.ts';

/**
 * Carries a plan out: stages side by side, each in order. `steps` is the announcer that the solver tells of the work that begins. When one fails, the others are
 * aborted and waited for, so that nothing of the build goes on behind the error.
 */
export async function carryOut(
  plan: BuildPlan,
  solver: Solver,
  steps: StepAnnouncer,
  abort: AbortController,
): Promise<Solved> {
  const runs = plan.stages.map(async (stage) => {
    try {
      await carryOutStage(stage, solver, steps, abort.signal);
    } catch (error) {
      abort.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(runs);
  // The first failure is the abort's reason; the others only followed it.
  abort.signal.throwIfAborted();
  return solver.solve(plan.output);
}

/** What is no work is said along with the next instruction that is. */
async function carryOutStage(
  stage: PlannedStage,
  solver: Solver,
  steps: StepAnnouncer,
  signal: AbortSignal,
): Promise<void> {
  for (const [index, { node }] of stage.steps.entries()) {
    signal.throwIfAborted();
    if (node === null) continue;
    if (node.kind === 'image' || node.kind === 'scratch') steps.upTo(stage, index);
    await solver.solve(node);
    // The result of another stage was not announced as this one's.
    steps.upTo(stage, index);
  }
  steps.upTo(stage, stage.steps.length - 1);
}
