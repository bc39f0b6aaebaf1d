import { blueprintError } from '../parser/source.ts';
import { positionOf, type InstructionNode } from '../parser/tree.ts';
import type { Word } from '../parser/words.ts';

/** A range of ports, both ends included. */
export interface ExposedRange {
  readonly first: number;
  readonly last: number;
  readonly protocol: string;
}

/** `80`, `80/tcp`, `1812-1813/udp`. */
export function exposedPort(node: InstructionNode, word: Word, port: string): ExposedRange {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/iu.exec(port);
  const first = Number(match?.[1] ?? 0);
  const last = Number(match?.[2] ?? first);
  if (match === null || first < 1 || last > 65535 || last < first) {
    throw blueprintError(
      node.source,
      positionOf(node, word),
      `"${port}" is no port; write PORT, PORT/udp or FIRST-LAST/tcp (1 to 65535)`,
    );
  }
  return { first, last, protocol: (match[3] ?? 'tcp').toLowerCase() };
}

/** `SIGTERM`, `TERM`, `SIGRTMIN+3` or a number, as the image's configuration keeps it. */
export function signalName(node: InstructionNode, word: Word, value: string): string {
  const number = /^\d+$/u.test(value) ? Number(value) : null;
  const valid =
    number === null
      ? /^(?:SIG)?[A-Z][A-Z0-9]{1,9}(?:[+-]\d{1,2})?$/iu.test(value)
      : number >= 1 && number <= 64;
  if (valid) return value.toUpperCase();
  throw blueprintError(
    node.source,
    positionOf(node, word),
    `"${value}" is no signal; write SIGTERM, or a number from 1 to 64`,
  );
}

/** An octal mode such as 755 or 0644. */
export function permissionBits(node: InstructionNode, word: Word | null, value: string): number {
  if (/^[0-7]{1,5}$/u.test(value) && Number.parseInt(value, 8) <= 0o7777) return Number.parseInt(value, 8);
  throw blueprintError(
    node.source,
    positionOf(node, word ?? undefined),
    `--chmod=${value} must be an octal mode such as 755 or 0644`,
  );
}
