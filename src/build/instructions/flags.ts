import { HullError } from '../../model/errors.ts';
import { nearest } from '../../lib/nearest.ts';
import { blueprintError, detailsOf, locate } from '../parser/source.ts';
import { positionOf, type InstructionNode } from '../parser/tree.ts';
import type { Word } from '../parser/words.ts';

/** Flags that Docker has and this builder does not yet. */
const NOT_YET: Readonly<Record<string, readonly string[]>> = {
  run: ['mount', 'network', 'security', 'device'],
  copy: ['parents', 'exclude'],
  add: ['checksum', 'keep-git-dir', 'exclude', 'unpack'],
};

/** An instruction's flags by name. Flags outside `known` are refused, with the nearest known one. */
export function readFlags(node: InstructionNode, known: readonly string[]): ReadonlyMap<string, Word> {
  const flags = new Map<string, Word>();
  for (const word of node.flags) {
    const sign = word.text.indexOf('=');
    const name = word.text.slice(2, sign < 0 ? undefined : sign);
    if (NOT_YET[node.keyword]?.includes(name))
      throw notSupported(node, word, `--${name} is not supported here yet; leave it out`);
    if (!known.includes(name)) throw unknownFlag(node, word, name, known);
    if (flags.has(name))
      throw blueprintError(node.source, positionOf(node, word), `--${name} may be given only once`);
    // A flag without a value says yes.
    flags.set(
      name,
      sign < 0 ? { text: '', offset: word.offset } : { text: word.text.slice(sign + 1), offset: word.offset },
    );
  }
  return flags;
}

/** A flag's value; null when it is not given. An empty value is refused. */
export function flagValue(
  node: InstructionNode,
  flags: ReadonlyMap<string, Word>,
  name: string,
): Word | null {
  const value = flags.get(name);
  if (value === undefined) return null;
  if (value.text === '')
    throw blueprintError(node.source, positionOf(node, value), `--${name} needs a value: --${name}=…`);
  return value;
}

/** `not-supported` with the same picture as a blueprint error. */
export function notSupported(node: InstructionNode, word: Word | undefined, what: string): HullError {
  const at = positionOf(node, word);
  return new HullError('not-supported', locate(node.source, at, what), {
    details: detailsOf(node.source, at),
  });
}

function unknownFlag(node: InstructionNode, word: Word, name: string, known: readonly string[]): HullError {
  const suggestion = nearest(name, known);
  const hint = suggestion === null ? '' : `; did you mean --${suggestion}?`;
  return blueprintError(
    node.source,
    positionOf(node, word),
    `${node.keyword.toUpperCase()} has no flag --${name}${hint}`,
  );
}
