import { HullError } from '../../model/errors.ts';
import { readInstruction } from '../instructions/read.ts';
import type { Arg, From, StageInstruction } from '../instructions/instruction.ts';
import { nearest } from '../../lib/nearest.ts';
import { blueprintError } from '../parser/source.ts';
import { positionOf, type BlueprintTree } from '../parser/tree.ts';

const MOST_STAGES = 1000;

/** A FROM and what follows it. */
export interface Stage {
  readonly index: number;
  readonly from: From;
  readonly instructions: readonly StageInstruction[];
}

export interface Stages {
  /** ARGs before the first FROM: known to FROMs, and to stages that name them again. */
  readonly globals: readonly Arg[];
  readonly stages: readonly Stage[];
}

/** Reads every instruction and splits them into stages. */
export function readStages(tree: BlueprintTree): Stages {
  const globals: Arg[] = [];
  const stages: { index: number; from: From; instructions: StageInstruction[] }[] = [];
  for (const node of tree.instructions) {
    const instruction = readInstruction(node);
    const stage = stages.at(-1);
    if (instruction.kind === 'from') {
      if (stages.length === MOST_STAGES)
        throw blueprintError(tree.source, positionOf(node), `there are more than ${MOST_STAGES} stages`);
      refuseTwice(stages, instruction);
      stages.push({ index: stages.length, from: instruction, instructions: [] });
    } else if (stage !== undefined) {
      stage.instructions.push(instruction);
    } else if (instruction.kind === 'arg') {
      globals.push(instruction);
    } else {
      throw blueprintError(
        tree.source,
        positionOf(node),
        `only ARG may stand before the first FROM, not ${node.keyword.toUpperCase()}`,
      );
    }
  }
  const last = tree.instructions.at(-1);
  if (stages.length === 0 && last !== undefined)
    throw blueprintError(tree.source, positionOf(last), 'the blueprint has no FROM');
  return { globals, stages };
}

/** The stage to build: by name or number; the last one when nothing is asked for. */
export function targetStage(stages: readonly Stage[], target: string | undefined): Stage {
  const last = stages.at(-1);
  const found = target === undefined || target === '' ? last : findStage(stages, target);
  if (found !== undefined) return found;
  const names = stages.flatMap((stage) => (stage.from.alias === null ? [] : [stage.from.alias]));
  const suggestion = nearest((target ?? '').toLowerCase(), names);
  const hint =
    suggestion === null ? `its stages are ${names.join(', ') || 'unnamed'}` : `did you mean ${suggestion}?`;
  throw new HullError('invalid-argument', `the blueprint has no stage "${target}"; ${hint}`);
}

/** A stage by name (as Docker: not case-sensitive) or number. */
export function findStage(stages: readonly Stage[], name: string): Stage | undefined {
  const byName = stages.find((stage) => stage.from.alias === name.toLowerCase());
  return byName ?? (/^\d{1,4}$/u.test(name) ? stages[Number(name)] : undefined);
}

function refuseTwice(stages: readonly { from: From }[], from: From): void {
  const before = stages.find((stage) => from.alias !== null && stage.from.alias === from.alias);
  if (before === undefined) return;
  throw blueprintError(
    from.node.source,
    positionOf(from.node, from.node.args[2]),
    `the stage "${from.alias}" exists already, from line ${before.from.node.line.firstLine}`,
  );
}
