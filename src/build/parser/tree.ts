import type { Heredoc } from './heredoc.ts';
import type { LogicalLine } from './logical-lines.ts';
import type { BlueprintSource, Position } from './source.ts';
import type { Word } from './words.ts';

/** A blueprint, split into instructions, each into words: syntax only. `instructions/` gives them meaning. */
export interface BlueprintTree {
  readonly source: BlueprintSource;
  /** `\` or a backtick. */
  readonly escape: string;
  readonly instructions: readonly InstructionNode[];
}

export interface InstructionNode {
  /** Lower case. */
  readonly keyword: string;
  /** `--name=value` words, quotes removed. */
  readonly flags: readonly Word[];
  /**
   * What follows, split as the keyword wants it: words (FROM, EXPOSE, COPY, VOLUME, ARG), the elements of a JSON array, the whole rest (RUN,
   * USER, …), or for ENV and LABEL triples of name, value and separator (`=`, or empty for the old form `ENV name value`).
   */
  readonly args: readonly Word[];
  /** `args` are the elements of a JSON array. */
  readonly json: boolean;
  /** The instruction after ONBUILD. */
  readonly nested: InstructionNode | null;
  readonly heredocs: readonly Heredoc[];
  /** The logical line, trimmed, as history shows it. */
  readonly text: string;
  readonly line: LogicalLine;
  readonly source: BlueprintSource;
}

/** Where the instruction, or one of its words, stands. */
export function positionOf(node: InstructionNode, word?: Word): Position {
  return node.line.position(word?.offset ?? 0);
}
