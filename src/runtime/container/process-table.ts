import { HullError } from '../../model/errors.ts';
import type { ProcessTable } from '../runtime.ts';

/**
 * The rows of a ps(1) listing that belong to `pids`; all rows without `pids`. The last column keeps its blanks. Throws
 * `invalid-argument` when the listing has no PID column: then rows cannot be told apart.
 */
export function selectProcesses(listing: string, pids?: ReadonlySet<number>): ProcessTable {
  const [head = '', ...lines] = listing.split('\n');
  const titles = head.trim().split(/\s+/);
  const column = titles.indexOf('PID');
  if (column < 0) {
    throw new HullError(
      'invalid-argument',
      `the ps arguments leave out the PID column; add it, e.g. -o pid,comm (columns: ${titles.join(' ')})`,
    );
  }
  const rows = lines
    .map((line) => splitColumns(line, titles.length))
    .filter((row) => row.length > column && (pids?.has(Number(row[column])) ?? true));
  return { titles, rows };
}

function splitColumns(line: string, columns: number): string[] {
  const words = line.trim().split(/\s+/);
  if (words.length <= columns) return words;
  return [...words.slice(0, columns - 1), words.slice(columns - 1).join(' ')];
}

/** Refuses arguments that make ps do something else than list processes. */
export function checkPsArguments(args: readonly string[]): readonly string[] {
  return args.length === 0 ? ['-ef'] : args;
}
