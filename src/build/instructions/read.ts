import { blueprintError } from '../parser/source.ts';
import { positionOf, type InstructionNode } from '../parser/tree.ts';
import type { Word } from '../parser/words.ts';
import { readCopy, readRun } from './files-and-commands.ts';
import { readFlags } from './flags.ts';
import { readFrom } from './from.ts';
import { readHealthcheck } from './healthcheck.ts';
import type { Arg, Command, Instruction, Pair, StageInstruction } from './instruction.ts';

/** Gives an instruction of the tree its meaning: flags known, words counted. Throws `blueprint-invalid`, or `not-supported` for what Docker has and this builder does not. */
export function readInstruction(node: InstructionNode): Instruction {
  return node.keyword === 'from' ? readFrom(node) : readStageInstruction(node);
}

export function readStageInstruction(node: InstructionNode): StageInstruction {
  const keyword = node.keyword;
  switch (keyword) {
    case 'run':
      return readRun(node);
    case 'copy':
    case 'add':
      return readCopy(node, keyword);
    case 'healthcheck':
      return { kind: keyword, node, healthcheck: readHealthcheck(node) };
    case 'onbuild':
      return { kind: keyword, node, trigger: readTrigger(node) };
    default:
      readFlags(node, []);
      return readPlain(node);
  }
}

/** The instructions that have no flags. */
function readPlain(node: InstructionNode): StageInstruction {
  const keyword = node.keyword;
  switch (keyword) {
    case 'env':
    case 'label':
      return { kind: keyword, node, pairs: readPairs(node) };
    case 'arg':
      return readArg(node);
    case 'workdir':
    case 'user':
    case 'stopsignal':
    case 'maintainer':
      return { kind: keyword, node, value: only(node) };
    case 'cmd':
    case 'entrypoint':
      return { kind: keyword, node, command: commandOf(node) };
    case 'shell':
      if (!node.json || node.args.length === 0)
        throw problem(node, 'SHELL needs a JSON array such as ["/bin/bash", "-c"]');
      return { kind: keyword, node, args: node.args.map((word) => word.text) };
    case 'expose':
    case 'volume':
      if (node.args.length === 0)
        throw problem(
          node,
          `${keyword.toUpperCase()} needs at least one ${keyword === 'expose' ? 'port' : 'path'}`,
        );
      return { kind: keyword, node, words: node.args };
    default:
      throw problem(node, `${keyword.toUpperCase()} cannot stand here`);
  }
}

function readPairs(node: InstructionNode): Pair[] {
  const pairs: Pair[] = [];
  for (let index = 0; index + 1 < node.args.length; index += 3) {
    const [name, value] = [node.args[index], node.args[index + 1]];
    if (name !== undefined && value !== undefined) pairs.push({ name, value });
  }
  if (pairs.length === 0) throw problem(node, `${node.keyword.toUpperCase()} needs at least one name=value`);
  return pairs;
}

function readArg(node: InstructionNode): Arg {
  if (node.args.length === 0) throw problem(node, 'ARG needs at least one name');
  const args = node.args.map((word) => {
    const sign = word.text.indexOf('=');
    const name = sign < 0 ? word.text : word.text.slice(0, sign);
    if (name === '') throw problem(node, `"${word.text}" has no name before "="`, word);
    const value = sign < 0 ? null : { text: word.text.slice(sign + 1), offset: word.offset + sign + 1 };
    return { name, value, word };
  });
  return { kind: 'arg', node, args };
}

function only(node: InstructionNode): Word {
  const [word, ...more] = node.args;
  if (word === undefined || more.length > 0)
    throw problem(node, `${node.keyword.toUpperCase()} needs exactly one argument`);
  return word;
}

function commandOf(node: InstructionNode): Command {
  if (node.json) return { form: 'exec', args: node.args.map((word) => word.text) };
  return { form: 'shell', text: node.args[0]?.text ?? '' };
}

function readTrigger(node: InstructionNode): string {
  readFlags(node, []);
  const nested = node.nested;
  if (nested === null) throw problem(node, 'ONBUILD needs an instruction');
  if (['onbuild', 'from', 'maintainer'].includes(nested.keyword)) {
    throw problem(node, `ONBUILD ${nested.keyword.toUpperCase()} is not allowed`);
  }
  if (nested.heredocs.length > 0)
    throw problem(node, 'ONBUILD with a document (<<) is not supported; copy a file instead');
  readStageInstruction(nested);
  return nested.text;
}

function problem(node: InstructionNode, what: string, word?: Word): Error {
  return blueprintError(node.source, positionOf(node, word), what);
}
