import { trimEndOf } from '../../lib/trim-end.ts';
import type { BlueprintSource, Position } from './source.ts';

/** One instruction's text, joined from its continuation lines. */
export interface LogicalLine {
  readonly text: string;
  /** First and last physical line, counting from 1. */
  readonly firstLine: number;
  readonly lastLine: number;
  /** Where an offset in `text` stands in the blueprint. */
  position(offset: number): Position;
}

interface Piece {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

/** Reads logical lines one after another; between them, a heredoc takes raw lines. */
export class LineReader {
  readonly #source: BlueprintSource;
  readonly #escape: string;
  #next: number;

  constructor(source: BlueprintSource, escape: string) {
    this.#source = source;
    this.#escape = escape;
    this.#next = 0;
  }

  /** The next physical line, untouched; null at the end. */
  raw(): string | null {
    const line = this.#source.lines[this.#next];
    if (line === undefined) return null;
    this.#next += 1;
    return line;
  }

  /** The next instruction; comments and empty lines are passed over. Null at the end. */
  logical(): LogicalLine | null {
    for (let line = this.raw(); line !== null; line = this.raw()) {
      const text = line.trimStart();
      if (text === '' || text.startsWith('#')) continue;
      return this.#join(text, line.length - text.length);
    }
    return null;
  }

  #join(first: string, indent: number): LogicalLine {
    const firstLine = this.#next;
    const pieces: Piece[] = [{ offset: 0, line: firstLine, column: indent + 1 }];
    let { text, continues } = this.#cut(first);
    while (continues) {
      const line = this.raw();
      if (line === null) break;
      const trimmed = line.trimStart();
      if (trimmed === '' || trimmed.startsWith('#')) continue;
      const piece = this.#cut(line);
      pieces.push({ offset: text.length, line: this.#next, column: 1 });
      text += piece.text;
      continues = piece.continues;
    }
    return { text, firstLine, lastLine: this.#next, position: (offset) => locate(pieces, offset) };
  }

  /** A line continues when it ends with one escape character; two of them are an escaped character. */
  #cut(line: string): { text: string; continues: boolean } {
    const end = trimEndOf(line, ' \t');
    const continues = end.endsWith(this.#escape) && !end.endsWith(this.#escape + this.#escape);
    return continues ? { text: end.slice(0, -1), continues } : { text: line, continues };
  }
}

function locate(pieces: readonly Piece[], offset: number): Position {
  const piece = pieces.findLast((candidate) => candidate.offset <= offset) ?? {
    offset: 0,
    line: 1,
    column: 1,
  };
  return { line: piece.line, column: piece.column + offset - piece.offset };
}
