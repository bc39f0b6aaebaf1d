import { HullError } from '../../model/errors.ts';

/** A place in a blueprint; both count from 1, columns in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A blueprint's text with the name that errors show. */
export interface BlueprintSource {
  /** As the user wrote it, e.g. `Dockerfile` or `docker/web.Dockerfile`. */
  readonly name: string;
  /** Physical lines without their line ends; index 0 is line 1. */
  readonly lines: readonly string[];
}

const LONGEST_SHOWN = 160;

export function blueprintSource(name: string, text: string): BlueprintSource {
  const withoutMark = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const lines = withoutMark.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  if (lines.at(-1) === '') lines.pop();
  return { name, lines };
}

/** `blueprint-invalid` whose message shows the file and line, the source line and a caret. Details: `line`, `column`, `source`, `file`. */
export function blueprintError(source: BlueprintSource, at: Position, what: string): HullError {
  return new HullError('blueprint-invalid', locate(source, at, what), { details: detailsOf(source, at) });
}

/** The same picture for errors that have a code of their own (a missing image, a failed step). */
export function locate(source: BlueprintSource, at: Position, what: string): string {
  const line = source.lines[at.line - 1] ?? '';
  const start = Math.max(0, at.column - LONGEST_SHOWN);
  const shown = line.slice(start, start + 2 * LONGEST_SHOWN);
  const indent = shown.slice(0, at.column - 1 - start).replaceAll(/[^\t]/gu, ' ');
  const gutter = `${at.line} | `;
  return `${source.name}:${at.line}:${at.column}: ${what}\n${gutter}${shown}\n${' '.repeat(gutter.length - 2)}| ${indent}^`;
}

export function detailsOf(source: BlueprintSource, at: Position): Record<string, unknown> {
  return { file: source.name, line: at.line, column: at.column, source: source.lines[at.line - 1] ?? '' };
}
