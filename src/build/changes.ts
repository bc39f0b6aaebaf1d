import { HullError } from '../model/errors.ts';
import type { ImageRunConfig } from '../model/image.ts';
import { expansionSettings } from './expand.ts';
import { applyInstruction } from './graph/apply.ts';
import type { StageState } from './graph/stage-state.ts';
import { environmentList, environmentMap } from './graph/variables.ts';
import { readStageInstruction } from './instructions/read.ts';
import { parseBlueprint } from './parser/parse.ts';

/** Instructions that change nothing but the configuration (moby, builder/dockerfile/builder.go). */
const ALLOWED: ReadonlySet<string> = new Set([
  'cmd',
  'entrypoint',
  'healthcheck',
  'env',
  'expose',
  'label',
  'onbuild',
  'stopsignal',
  'user',
  'volume',
  'workdir',
]);

/**
 * An image's configuration after blueprint instructions, as `commit --change` and `import --change` have them. Throws `invalid-argument` for an
 * instruction that would need a build, `blueprint-invalid` for a malformed one.
 */
export function applyChanges(config: ImageRunConfig, changes: readonly string[]): ImageRunConfig {
  const text = changes.join('\n');
  if (text.trim() === '') return config;
  for (const change of changes) {
    const word = /^\s*([a-z]+)\b/i.exec(change)?.[1]?.toLowerCase();
    if (word !== undefined && !ALLOWED.has(word)) throw forbidden(word);
  }
  const tree = parseBlueprint(text, 'change');
  // A change may be several lines.
  const other = tree.instructions.find(({ keyword }) => !ALLOWED.has(keyword));
  if (other !== undefined) throw forbidden(other.keyword);
  const state: StageState = {
    node: { kind: 'scratch' },
    config,
    author: undefined,
    env: environmentMap(config.Env ?? []),
    args: new Map(),
    ownCommand: false,
    history: [],
    steps: [],
    settings: expansionSettings(tree.escape),
  };
  tree.instructions.forEach((node, index) =>
    applyInstruction(state, readStageInstruction(node), {
      step: index + 1,
      stage: null,
      globals: new Map(),
      requestArgs: {},
      used: new Set(),
      warn: () => undefined,
      source: () => ({ kind: 'scratch' }),
    }),
  );
  return state.env.size === 0 ? state.config : { ...state.config, Env: environmentList(state.env) };
}

/** In the words of Docker's daemon. */
function forbidden(word: string): HullError {
  return new HullError('invalid-argument', `${word} is not a valid change command`);
}
