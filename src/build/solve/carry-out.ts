import type { BuildPlan, PlannedStage } from '../graph/plan.ts';
import type { BuildEvent } from '../types.ts';
import type { Solved, Solver } from './solver.ts';

/**
 * Carries a plan out: stages side by side, each in order, with a `step` event as each instruction's turn comes. When one fails, the others are
 * aborted and waited for, so that nothing of the build goes on behind the error.
 */
export async function carryOut(
  plan: BuildPlan,
  solver: Solver,
  emit: (event: BuildEvent) => void,
  abort: AbortController,
): Promise<Solved> {
  const runs = plan.stages.map(async (stage) => {
    try {
      await carryOutStage(stage, plan.totalSteps, solver, emit, abort.signal);
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

async function carryOutStage(
  stage: PlannedStage,
  total: number,
  solver: Solver,
  emit: (event: BuildEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const { number, text, node } of stage.steps) {
    signal.throwIfAborted();
    emit({ type: 'step', number, total, text, stage: stage.name });
    if (node !== null) await solver.solve(node);
  }
}
