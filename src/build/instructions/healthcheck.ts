import { parseGoDuration } from '../../lib/go-duration.ts';
import type { Healthcheck } from '../../model/image.ts';
import { blueprintError } from '../parser/source.ts';
import { positionOf, type InstructionNode } from '../parser/tree.ts';
import type { Word } from '../parser/words.ts';
import { flagValue, readFlags } from './flags.ts';

const SHORTEST = 1_000_000;

/** HEALTHCHECK NONE, or HEALTHCHECK [flags] CMD command. */
export function readHealthcheck(node: InstructionNode): Healthcheck {
  const flags = readFlags(node, ['interval', 'timeout', 'start-period', 'start-interval', 'retries']);
  const [kind, ...command] = node.args;
  const name = kind?.text.toUpperCase();
  if (name === 'NONE') {
    if (command.length > 0 || flags.size > 0)
      throw blueprintError(node.source, positionOf(node), 'HEALTHCHECK NONE takes nothing else');
    return { Test: ['NONE'] };
  }
  if (name !== 'CMD')
    throw blueprintError(node.source, positionOf(node, kind), 'HEALTHCHECK needs CMD and a command, or NONE');
  if (command.length === 0)
    throw blueprintError(node.source, positionOf(node, kind), 'HEALTHCHECK CMD needs a command');
  const duration = (flag: string, field: keyof Healthcheck): Partial<Healthcheck> => {
    const value = flagValue(node, flags, flag);
    return value === null ? {} : { [field]: nanoseconds(node, flag, value) };
  };
  return {
    Test: [node.json ? 'CMD' : 'CMD-SHELL', ...command.map((word) => word.text)],
    ...duration('interval', 'Interval'),
    ...duration('timeout', 'Timeout'),
    ...duration('start-period', 'StartPeriod'),
    ...duration('start-interval', 'StartInterval'),
    ...retries(node, flagValue(node, flags, 'retries')),
  };
}

function nanoseconds(node: InstructionNode, flag: string, value: Word): number {
  const duration = parseGoDuration(value.text);
  if (duration === null || (duration !== 0 && duration < SHORTEST)) {
    throw blueprintError(
      node.source,
      positionOf(node, value),
      `--${flag} must be 0 or a duration of at least 1ms such as 30s or 1m30s`,
    );
  }
  return duration;
}

function retries(node: InstructionNode, value: Word | null): Partial<Healthcheck> {
  if (value === null) return {};
  if (!/^\d{1,6}$/u.test(value.text))
    throw blueprintError(node.source, positionOf(node, value), '--retries must be a whole number');
  return { Retries: Number(value.text) };
}
