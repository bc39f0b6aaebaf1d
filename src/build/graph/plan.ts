import { HullError } from '../../model/errors.ts';
import type { Image, ImageRunConfig } from '../../model/image.ts';
import { expansionSettings, type ExpansionSettings } from '../expand.ts';
import { notSupported } from '../instructions/flags.ts';
import type { Arg, From } from '../instructions/instruction.ts';
import { readStageInstruction } from '../instructions/read.ts';
import { parseBlueprint } from '../parser/parse.ts';
import { blueprintError, detailsOf, locate } from '../parser/source.ts';
import { positionOf, type BlueprintTree, type InstructionNode } from '../parser/tree.ts';
import type { Word } from '../parser/words.ts';
import { applyInstruction, type ApplyContext } from './apply.ts';
import type { BuildNode } from './node.ts';
import { stageDependencies } from './prune.ts';
import {
  derivedState,
  expandWord,
  imageState,
  scratchState,
  type PlannedHistory,
  type PlannedStep,
  type StageState,
} from './stage-state.ts';
import { findStage, readStages, targetStage, type Stage, type Stages } from './stages.ts';
import { environmentList, platformArgs, SILENT_ARGS, type Platform } from './variables.ts';

export interface PlanRequest {
  readonly target?: string;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly platform: Platform;
}

/** Finds an image for FROM or `COPY --from`; null when there is none. */
export type ImageLookup = (reference: string) => Image | null;

/** A stage that the build needs, ready to be carried out in order. */
export interface PlannedStage {
  readonly name: string | null;
  readonly steps: readonly PlannedStep[];
}

/** All that is to be done, and what the image will say. */
export interface BuildPlan {
  readonly stages: readonly PlannedStage[];
  readonly output: BuildNode;
  readonly config: ImageRunConfig;
  readonly author: string | undefined;
  readonly history: readonly PlannedHistory[];
  readonly totalSteps: number;
  readonly warnings: readonly string[];
}

interface Planning {
  readonly tree: BlueprintTree;
  readonly request: PlanRequest;
  readonly lookup: ImageLookup;
  readonly all: Stages;
  readonly globals: ReadonlyMap<string, string>;
  readonly settings: ExpansionSettings;
  readonly used: Set<string>;
  readonly warnings: string[];
  readonly done: Map<Stage, StageState>;
  steps: number;
}

/** Turns a blueprint into a plan. Pure: nothing is read but the tree, the request and the images. Throws blueprint errors and `image-not-found`. */
export function planBuild(tree: BlueprintTree, request: PlanRequest, lookup: ImageLookup): BuildPlan {
  const all = readStages(tree);
  const used = new Set<string>();
  const settings = expansionSettings(tree.escape);
  const globals = globalArgs(all.globals, request, settings, used);
  const planning: Planning = {
    tree,
    request,
    lookup,
    all,
    globals,
    settings,
    used,
    warnings: [],
    done: new Map(),
    steps: 0,
  };
  const target = targetStage(all.stages, request.target);
  const needed = stageDependencies(all.stages, target, (stage) => imageName(planning, stage.from));
  for (const stage of needed) planning.done.set(stage, planStage(planning, stage));
  const state = planning.done.get(target) ?? scratchState(settings);
  warnOfUnusedArgs(planning, needed.length === all.stages.length);
  return {
    stages: [...planning.done].map(([stage, done]) => ({ name: stage.from.alias, steps: done.steps })),
    output: state.node,
    config: finalConfig(state, request.labels),
    author: state.author,
    history: state.history,
    totalSteps: planning.steps,
    warnings: planning.warnings,
  };
}

/** The values of the ARGs before the first FROM, and the platform's. */
function globalArgs(
  args: readonly Arg[],
  request: PlanRequest,
  settings: ExpansionSettings,
  used: Set<string>,
): Map<string, string> {
  const values = new Map(platformArgs(request.platform));
  for (const instruction of args) {
    for (const arg of instruction.args) {
      const given = request.args[arg.name];
      if (given !== undefined) used.add(arg.name);
      const fallback =
        arg.value === null ? undefined : expandWord(instruction.node, arg.value, { settings }, values);
      const value = given ?? fallback;
      if (value !== undefined) values.set(arg.name, value);
    }
  }
  return values;
}

function imageName(planning: Planning, from: From): string {
  const name = expandWord(from.node, from.image, planning, planning.globals);
  if (name !== '') return name;
  throw blueprintError(
    from.node.source,
    positionOf(from.node, from.image),
    `the image name "${from.image.text}" is empty after expansion; give the ARG before FROM a default`,
  );
}

function planStage(planning: Planning, stage: Stage): StageState {
  const { from } = stage;
  checkPlatform(planning, from);
  const number = nextStep(planning);
  const state = baseState(planning, stage);
  const base = state.node.kind === 'image' ? { base: state.node.image.id } : {};
  state.steps.push({ number, text: from.node.text, stage: from.alias, node: null, ...base });
  for (const trigger of takeTriggers(state)) applyTrigger(planning, stage, state, trigger);
  for (const instruction of stage.instructions) {
    applyInstruction(state, instruction, contextOf(planning, stage, nextStep(planning)));
  }
  return state;
}

function baseState(planning: Planning, stage: Stage): StageState {
  const name = imageName(planning, stage.from);
  if (name === 'scratch') return scratchState(planning.settings);
  const earlier = findStage(planning.all.stages.slice(0, stage.index), name);
  const base = earlier !== undefined && earlier.from.alias !== null ? planning.done.get(earlier) : undefined;
  if (base !== undefined) return derivedState(base);
  return imageState(findImage(planning, stage.from.node, stage.from.image, name), planning.settings);
}

function findImage(planning: Planning, node: InstructionNode, word: Word, name: string): Image {
  const image = planning.lookup(name);
  if (image !== null) return image;
  const at = positionOf(node, word);
  const what = `there is no image and no earlier stage named "${name}"; see \`hull images\`, or make a base with \`hull bootstrap\``;
  throw new HullError('image-not-found', locate(node.source, at, what), {
    details: detailsOf(node.source, at),
  });
}

function contextOf(planning: Planning, stage: Stage, step: number): ApplyContext {
  return {
    step,
    stage: stage.from.alias,
    globals: planning.globals,
    requestArgs: planning.request.args,
    used: planning.used,
    warn: (text) => planning.warnings.push(text),
    source: (node, word) => copySource(planning, stage, node, word),
  };
}

/** COPY --from: an earlier stage by name or number, else an image. */
function copySource(planning: Planning, stage: Stage, node: InstructionNode, word: Word): BuildNode {
  const earlier = findStage(planning.all.stages.slice(0, stage.index), word.text);
  const state = earlier === undefined ? undefined : planning.done.get(earlier);
  if (state !== undefined) return state.node;
  return { kind: 'image', image: findImage(planning, node, word, word.text) };
}

function nextStep(planning: Planning): number {
  planning.steps += 1;
  return planning.steps;
}

/** The ONBUILD instructions of the base: carried out now, and not handed on. */
function takeTriggers(state: StageState): readonly string[] {
  const { OnBuild: triggers = [], ...config } = state.config;
  state.config = config;
  return triggers;
}

function applyTrigger(planning: Planning, stage: Stage, state: StageState, trigger: string): void {
  const name = `ONBUILD of ${stage.from.image.text}`;
  for (const node of parseBlueprint(trigger, name).instructions) {
    applyInstruction(state, readStageInstruction(node), contextOf(planning, stage, nextStep(planning)));
  }
}

function checkPlatform(planning: Planning, from: From): void {
  if (from.platform === null) return;
  const { os, architecture } = planning.request.platform;
  const wanted = expandWord(from.node, from.platform, planning, planning.globals);
  const normal = wanted.replace('x86_64', 'amd64').replace('aarch64', 'arm64');
  if (normal === '' || normal === `${os}/${architecture}` || normal === architecture || normal === os) return;
  throw notSupported(
    from.node,
    from.platform,
    `this host builds for ${os}/${architecture} only, not for ${wanted}; leave --platform out`,
  );
}

function warnOfUnusedArgs(planning: Planning, everyStage: boolean): void {
  if (!everyStage) return;
  const unused = Object.keys(planning.request.args).filter(
    (name) => !planning.used.has(name) && !SILENT_ARGS.has(name),
  );
  if (unused.length > 0)
    planning.warnings.push(
      `One or more build-args [${unused.join(' ')}] were not consumed: no ARG names them`,
    );
}

function finalConfig(state: StageState, labels: Readonly<Record<string, string>>): ImageRunConfig {
  const all = { ...state.config.Labels, ...labels };
  return {
    ...state.config,
    ...(state.env.size === 0 ? {} : { Env: environmentList(state.env) }),
    ...(Object.keys(all).length === 0 ? {} : { Labels: all }),
  };
}
