import type { ImageRunConfig } from '../../model/image.ts';
import { expandDocument } from '../expand.ts';
import type {
  Arg,
  Copy,
  Default,
  HealthcheckInstruction,
  Pairs,
  Run,
  StageInstruction,
  Value,
  Words,
} from '../instructions/instruction.ts';
import { blueprintError } from '../parser/source.ts';
import { positionOf, type InstructionNode } from '../parser/tree.ts';
import type { Word } from '../parser/words.ts';
import type { BuildNode, CopyNode } from './node.ts';
import { absolutePath } from './paths.ts';
import { exposedPort, permissionBits, signalName } from './values.ts';
import {
  atWord,
  expandToWords,
  expandWord,
  shellOf,
  spendEntries,
  variablesOf,
  type StageState,
} from './stage-state.ts';
import { environmentList, PROXY_ARGS } from './variables.ts';
import { DEFAULT_PATH } from '../../model/default-path.ts';

/** What an instruction needs to know beside its stage. */
export interface ApplyContext {
  readonly step: number;
  readonly stage: string | null;
  readonly globals: ReadonlyMap<string, string>;
  /** As the user gave them. */
  readonly requestArgs: Readonly<Record<string, string>>;
  /** Names of `requestArgs` that an ARG asked for. */
  readonly used: Set<string>;
  warn(text: string): void;
  /** What `COPY --from` names. */
  source(node: InstructionNode, word: Word): BuildNode;
}

/** Carries one instruction out on the plan: the stage's configuration, or a new node. */
export function applyInstruction(
  state: StageState,
  instruction: StageInstruction,
  context: ApplyContext,
): void {
  const before = state.node;
  const shown = apply(state, instruction, context);
  const node = state.node === before ? null : state.node;
  const text = shown ?? instruction.node.text;
  state.history.push({ text, node });
  state.steps.push({ number: context.step, text: instruction.node.text, stage: context.stage, node });
}

/** Returns what history shows where it is not the instruction as written. */
function apply(state: StageState, instruction: StageInstruction, context: ApplyContext): string | undefined {
  switch (instruction.kind) {
    case 'run':
      return applyRun(state, instruction, context);
    case 'copy':
    case 'add':
      return applyCopy(state, instruction, context);
    case 'env':
    case 'label':
      return applyPairs(state, instruction);
    case 'arg':
      return applyArg(state, instruction, context);
    case 'workdir':
    case 'user':
    case 'stopsignal':
    case 'maintainer':
      return applyValue(state, instruction, context);
    case 'cmd':
    case 'entrypoint':
      return applyDefault(state, instruction);
    case 'shell':
      return set(state, { Shell: instruction.args });
    case 'expose':
    case 'volume':
      return applyWords(state, instruction);
    case 'healthcheck':
      return applyHealthcheck(state, instruction);
    case 'onbuild':
      return set(state, { OnBuild: [...(state.config.OnBuild ?? []), instruction.trigger] });
  }
}

function set(state: StageState, change: ImageRunConfig): undefined {
  state.config = { ...state.config, ...change };
}

function applyRun(state: StageState, run: Run, context: ApplyContext): string {
  const args = run.command.form === 'exec' ? run.command.args : [...shellOf(state), run.command.text];
  spendEntries(state, state.args.size + state.env.size);
  const variables = new Map([...state.args, ...state.env]);
  if (!variables.has('PATH')) variables.set('PATH', DEFAULT_PATH);
  const proxies = PROXY_ARGS.flatMap((name) => {
    const value = context.requestArgs[name];
    return value === undefined || variables.has(name) ? [] : [`${name}=${value}`];
  });
  state.node = {
    kind: 'run',
    parent: state.node,
    origin: { instruction: run.node, step: context.step },
    args,
    env: environmentList(variables),
    volatileEnv: proxies,
    cwd: state.config.WorkingDir ?? '/',
    user: state.config.User ?? '',
  };
  return `RUN ${args.join(' ')}`;
}

function applyCopy(state: StageState, copy: Copy, context: ApplyContext): undefined {
  const variables = variablesOf(state);
  const expandIt = (word: Word): string =>
    copy.node.json ? word.text : expandWord(copy.node, word, state, variables);
  const value = (word: Word | null): string | null =>
    word === null ? null : expandWord(copy.node, word, state, variables);
  const chmod = value(copy.chmod);
  const documents = copy.documents.map(({ name, content, expand, word }) => ({
    name,
    content: expand
      ? atWord(copy.node, word, () => expandDocument(content, variables, state.settings))
      : content,
  }));
  const patterns = copy.sources.map((word) => ({ path: expandIt(word), word }));
  const destination = absolutePath(expandIt(copy.destination), state.config.WorkingDir ?? '/');
  if (patterns.length + documents.length > 1 && !destination.endsWith('/')) {
    throw blueprintError(
      copy.node.source,
      positionOf(copy.node, copy.destination),
      'with several sources the destination must be a folder: end it with "/"',
    );
  }
  const node: CopyNode = {
    kind: 'copy',
    parent: state.node,
    origin: { instruction: copy.node, step: context.step },
    from: copy.from === null ? { kind: 'context' } : context.source(copy.node, copy.from),
    patterns,
    documents,
    destination,
    owner: value(copy.chown),
    mode: chmod === null ? null : permissionBits(copy.node, copy.chmod, chmod),
    unpack: copy.kind === 'add',
  };
  state.node = node;
}

function applyPairs(state: StageState, { node, kind, pairs }: Pairs): undefined {
  // Every value sees the environment as it was before the instruction.
  const variables = variablesOf(state);
  const expanded = pairs.map(({ name, value }): [string, string] => [
    expandWord(node, name, state, variables),
    expandWord(node, value, state, variables),
  ]);
  if (kind === 'label') {
    spendEntries(state, Object.keys(state.config.Labels ?? {}).length + pairs.length);
    return set(state, { Labels: { ...state.config.Labels, ...Object.fromEntries(expanded) } });
  }
  for (const [name, value] of expanded) state.env.set(name, value);
  return undefined;
}

function applyArg(state: StageState, instruction: Arg, context: ApplyContext): undefined {
  for (const arg of instruction.args) {
    const given = context.requestArgs[arg.name];
    if (given !== undefined) context.used.add(arg.name);
    const fallback =
      arg.value === null
        ? context.globals.get(arg.name)
        : expandWord(instruction.node, arg.value, state, variablesOf(state));
    const value = given ?? fallback;
    if (value !== undefined) state.args.set(arg.name, value);
  }
}

function applyValue(state: StageState, { node, kind, value: word }: Value, context: ApplyContext): undefined {
  const value = kind === 'maintainer' ? word.text : expandWord(node, word, state, variablesOf(state));
  if (value === '')
    throw blueprintError(
      node.source,
      positionOf(node, word),
      `${kind.toUpperCase()} is empty after expansion`,
    );
  if (kind === 'user') return set(state, { User: value });
  if (kind === 'stopsignal') return set(state, { StopSignal: signalName(node, word, value) });
  if (kind === 'maintainer') {
    context.warn(
      `line ${node.line.firstLine}: MAINTAINER is deprecated; use LABEL org.opencontainers.image.authors=…`,
    );
    state.author = value;
    return undefined;
  }
  const path = absolutePath(value, state.config.WorkingDir ?? '/').replace(/(.)\/$/u, '$1');
  const owner = state.config.User ?? '';
  state.node = {
    kind: 'workdir',
    parent: state.node,
    origin: { instruction: node, step: context.step },
    path,
    owner: owner === '' ? null : owner,
  };
  return set(state, { WorkingDir: path });
}

function applyDefault(state: StageState, { kind, command }: Default): undefined {
  const shellForm = command.form === 'shell' && command.text !== '' ? [...shellOf(state), command.text] : [];
  const args = command.form === 'exec' ? command.args : shellForm;
  if (kind === 'cmd') {
    state.ownCommand = true;
    return set(state, { Cmd: args });
  }
  set(state, { Entrypoint: args });
  if (state.ownCommand) return undefined;
  // The base's command was meant for the base's entrypoint.
  const { Cmd: _command, ...rest } = state.config;
  state.config = rest;
}

function applyWords(state: StageState, { node, kind, words }: Words): undefined {
  const before = kind === 'expose' ? state.config.ExposedPorts : state.config.Volumes;
  spendEntries(state, Object.keys(before ?? {}).length);
  const all = words.flatMap((word) =>
    kind === 'expose' ? exposedPorts(state, node, word) : [volumePath(state, node, word)],
  );
  const entries = Object.fromEntries(all.map((name): [string, Record<string, never>] => [name, {}]));
  if (kind === 'expose') return set(state, { ExposedPorts: { ...state.config.ExposedPorts, ...entries } });
  return set(state, { Volumes: { ...state.config.Volumes, ...entries } });
}

function exposedPorts(state: StageState, node: InstructionNode, word: Word): string[] {
  return expandToWords(node, word, state).flatMap((port) => {
    const { first, last, protocol } = exposedPort(node, word, port);
    spendEntries(state, last - first + 1);
    return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
  });
}

function volumePath(state: StageState, node: InstructionNode, word: Word): string {
  const path = expandWord(node, word, state, variablesOf(state));
  if (path !== '') return path;
  throw blueprintError(node.source, positionOf(node, word), 'a VOLUME path is empty');
}

function applyHealthcheck(state: StageState, { healthcheck }: HealthcheckInstruction): undefined {
  return set(state, { Healthcheck: healthcheck });
}
