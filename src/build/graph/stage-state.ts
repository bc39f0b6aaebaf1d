import type { Digest, HistoryEntry, Image, ImageRunConfig } from '../../model/image.ts';
import { ExpansionError, type ExpansionSettings, expand, expandWords, type Variables } from '../expand.ts';
import { blueprintError } from '../parser/source.ts';
import { positionOf, type InstructionNode } from '../parser/tree.ts';
import type { Word } from '../parser/words.ts';
import type { BuildNode } from './node.ts';
import { environmentMap } from './variables.ts';
import { DEFAULT_PATH } from '../../model/default-path.ts';

/** Steps that one variable, label or port costs, each time that all are gone through. */
const ENTRY = 64;
const DEFAULT_SHELL = ['/bin/sh', '-c'];

/** One line of an image's history: taken over from the base, or made by a step (`node` null: it changed only the configuration). */
export type PlannedHistory =
  { readonly base: HistoryEntry } | { readonly text: string; readonly node: BuildNode | null };

/** A step as it is counted and shown. */
export interface PlannedStep {
  readonly number: number;
  readonly text: string;
  readonly stage: string | null;
  /** The work that it stands for; null when it changes only the configuration. */
  readonly node: BuildNode | null;
  /** FROM: the image that the stage begins with. */
  readonly base?: Digest;
}

/** A stage while (and after) its instructions are gone through. */
export interface StageState {
  node: BuildNode;
  /** But the environment, which is `env`. */
  config: ImageRunConfig;
  author: string | undefined;
  env: Map<string, string>;
  args: Map<string, string>;
  /** Was CMD set by this stage? A later ENTRYPOINT then leaves it. */
  ownCommand: boolean;
  readonly history: PlannedHistory[];
  readonly steps: PlannedStep[];
  readonly settings: ExpansionSettings;
}

/** The state after `FROM scratch`. */
export function scratchState(settings: ExpansionSettings): StageState {
  const config: ImageRunConfig = { Env: [`PATH=${DEFAULT_PATH}`], WorkingDir: '/' };
  return stateOf({ kind: 'scratch' }, config, undefined, [], settings);
}

/** The state after `FROM image`. */
export function imageState(image: Image, settings: ExpansionSettings): StageState {
  const history = completeHistory(image).map((base) => ({ base }));
  return stateOf({ kind: 'image', image }, image.config.config ?? {}, image.config.author, history, settings);
}

/** The state after `FROM stage`: all of that stage's, to go on with. */
export function derivedState(base: StageState): StageState {
  return {
    ...base,
    env: new Map(base.env),
    args: new Map(base.args),
    ownCommand: false,
    history: [...base.history],
    steps: [],
  };
}

/** What `$NAME` means in a stage: its environment, then its arguments. */
export function variablesOf({ args, env }: StageState): Variables {
  return { get: (name) => env.get(name) ?? args.get(name) };
}

/** Counts what an instruction copies or adds. Throws `invalid-argument` when the blueprint has used up its steps. */
export function spendEntries({ settings }: Pick<StageState, 'settings'>, entries: number): void {
  settings.budget.spend(entries * ENTRY);
}

export function shellOf(state: StageState): readonly string[] {
  return state.config.Shell ?? DEFAULT_SHELL;
}

/** Expands one word of an instruction; a malformed one becomes a blueprint error at its place. */
export function expandWord(
  node: InstructionNode,
  word: Word,
  { settings }: Pick<StageState, 'settings'>,
  variables: Variables,
): string {
  return atWord(node, word, () => expand(word.text, variables, settings));
}

export function expandToWords(node: InstructionNode, word: Word, state: StageState): string[] {
  return atWord(node, word, () => expandWords(word.text, variablesOf(state), state.settings));
}

/** Runs `work`; what expansion complains about becomes a blueprint error at `word`. */
export function atWord<T>(node: InstructionNode, word: Word, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ExpansionError)) throw error;
    throw blueprintError(node.source, positionOf(node, word), error.message);
  }
}

function stateOf(
  node: BuildNode,
  config: ImageRunConfig,
  author: string | undefined,
  history: PlannedHistory[],
  settings: ExpansionSettings,
): StageState {
  const env = environmentMap(config.Env ?? []);
  return { node, config, author, env, args: new Map(), ownCommand: false, history, steps: [], settings };
}

/** An image's history with exactly one entry per layer beside the empty ones, as the specification wants it; made up where it is not so. */
function completeHistory(image: Image): readonly HistoryEntry[] {
  const history = image.config.history ?? [];
  const layers = history.filter((entry) => entry.empty_layer !== true).length;
  if (layers === image.layers.length) return history;
  const created = image.config.created;
  return image.layers.map(() => ({
    ...(created === undefined ? {} : { created }),
    comment: 'layer without history',
  }));
}
