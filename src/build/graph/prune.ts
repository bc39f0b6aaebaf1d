import type { Stage } from './stages.ts';
import { findStage } from './stages.ts';

/** The stages that `target` needs, itself included, in the blueprint's order. `imageName`: what a stage's FROM names, expanded. */
export function stageDependencies(
  stages: readonly Stage[],
  target: Stage,
  imageName: (stage: Stage) => string,
): readonly Stage[] {
  const needed = new Set<Stage>();
  const visit = (stage: Stage): void => {
    if (needed.has(stage)) return;
    needed.add(stage);
    const earlier = stages.slice(0, stage.index);
    const base = findStage(earlier, imageName(stage));
    if (base !== undefined && base.from.alias !== null) visit(base);
    for (const instruction of stage.instructions) {
      if (instruction.kind !== 'copy' || instruction.from === null) continue;
      const source = findStage(earlier, instruction.from.text);
      if (source !== undefined) visit(source);
    }
  };
  visit(target);
  return stages.filter((stage) => needed.has(stage));
}
