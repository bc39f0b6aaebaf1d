import type { BuildPlan, PlannedStage } from '../graph/plan.ts';
import type { PlannedStep } from '../graph/stage-state.ts';
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

/** Says each step when its turn has come, not while it waits for another stage: those that are no work along with the next one that is. */
async function carryOutStage(
  stage: PlannedStage,
  total: number,
  solver: Solver,
  emit: (event: BuildEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  let unsaid: PlannedStep[] = [];
  const say = (): void => {
    for (const { number, text } of unsaid) emit({ type: 'step', number, total, text, stage: stage.name });
    unsaid = [];
  };
  for (const step of stage.steps) {
    signal.throwIfAborted();
    unsaid.push(step);
    if (step.node === null) continue;
    await solver.solveDependencies(step.node);
    say();
    await solver.solve(step.node);
  }
  say();
}
