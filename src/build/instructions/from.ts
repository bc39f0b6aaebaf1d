import { blueprintError } from '../parser/source.ts';
import { positionOf, type InstructionNode } from '../parser/tree.ts';
import { flagValue, readFlags } from './flags.ts';
import type { From } from './instruction.ts';

const STAGE_NAME = /^[a-z][a-z0-9-_.]*$/u;

/** FROM [--platform=…] image [AS name] */
export function readFrom(node: InstructionNode): From {
  const flags = readFlags(node, ['platform']);
  const [image, as, name, ...more] = node.args;
  if (image === undefined)
    throw blueprintError(node.source, positionOf(node), 'FROM needs an image, a stage, or scratch');
  if (
    (as !== undefined && as.text.toLowerCase() !== 'as') ||
    (as !== undefined && name === undefined) ||
    more.length > 0
  ) {
    throw blueprintError(node.source, positionOf(node, as), 'FROM is written: FROM image [AS name]');
  }
  const alias = name?.text.toLowerCase() ?? null;
  if (alias !== null && !STAGE_NAME.test(alias)) {
    throw blueprintError(
      node.source,
      positionOf(node, name),
      `"${alias}" is no stage name: a letter, then letters, digits, "-", "_" and "."`,
    );
  }
  if (alias === 'scratch')
    throw blueprintError(node.source, positionOf(node, name), 'a stage cannot be named scratch');
  return { kind: 'from', node, image, alias, platform: flagValue(node, flags, 'platform') };
}
