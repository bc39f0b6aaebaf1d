import { TextDecoder } from 'node:util';
import { HullError } from '../../model/errors.ts';
import type { OutputChunk } from '../../runtime/runtime.ts';
import type { RunNode } from '../graph/node.ts';
import { detailsOf, locate } from '../parser/source.ts';
import { positionOf } from '../parser/tree.ts';
import { atOrigin } from './at-origin.ts';
import type { PreparedStep, StepTools } from './executor.ts';
import { rememberStubs } from './mount-stubs.ts';
import { OutputTail } from './output-tail.ts';

const NO_SPACE_LEFT = 64 * 1024 * 1024;

/** RUN: a command in the stage's root. */
export function prepareRun(node: RunNode, tools: StepTools): PreparedStep {
  const { args, env, cwd, user } = node;
  return {
    facts: { args, env, cwd, user },
    execute: (root, signal) => runCommand(node, tools, root, signal),
  };
}

async function runCommand(node: RunNode, tools: StepTools, root: string, signal: AbortSignal): Promise<void> {
  const { args, env, volatileEnv, cwd, user, origin } = node;
  const removeStubs = rememberStubs(tools.host, root);
  const tail = new OutputTail();
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const say = (stream: 'stdout' | 'stderr', text: string): void => {
    if (text === '') return;
    tail.add(text);
    tools.emit({ type: 'output', stream, text, step: origin.step });
  };
  let container: string | null = null;
  const step = {
    root,
    args,
    env: [...env, ...volatileEnv],
    cwd,
    user,
    settings: tools.settings,
    onBegin: (id: string): void => {
      container = id;
      tools.emit({ type: 'container', id, ended: false, step: origin.step });
    },
  };
  const onOutput = ({ stream, data }: OutputChunk): void =>
    say(stream, decoders[stream].decode(data, { stream: true }));
  const status = await atOrigin(origin, () => tools.runner.run(step, onOutput, signal));
  say('stdout', decoders.stdout.decode());
  say('stderr', decoders.stderr.decode());
  removeStubs();
  if (container !== null) tools.emit({ type: 'container', id: container, ended: true, step: origin.step });
  if (status !== 0) throw await failure(node, tools, root, status, tail.lines());
}

async function failure(
  node: RunNode,
  tools: StepTools,
  root: string,
  status: number,
  output: readonly string[],
): Promise<HullError> {
  const { instruction } = node.origin;
  const at = positionOf(instruction);
  const said =
    output.length === 0
      ? 'It printed nothing.'
      : `Its last output:\n${output.map((line) => `  ${line}`).join('\n')}`;
  const details = {
    ...detailsOf(instruction.source, at),
    command: node.args.join(' '),
    exitCode: status,
    output,
    step: node.origin.step,
  };
  const full =
    output.some((line) => line.includes('No space left on device')) &&
    (await tools.host.files.space(root)).free < NO_SPACE_LEFT;
  const what = full
    ? 'the disk became full while the command ran'
    : `the command ended with status ${status}${meaningOf(status)}`;
  return new HullError(
    full ? 'no-space' : 'build-failed',
    `${locate(instruction.source, at, what)}\n${said}`,
    { details },
  );
}

function meaningOf(status: number): string {
  if (status === 127) return ' (command not found)';
  if (status === 126) return ' (not executable)';
  return status === 137 ? ' (killed, perhaps for want of memory)' : '';
}
