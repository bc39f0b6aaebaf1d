import { ArgumentsError, type ArgumentsParser, type ParsedArguments } from './arguments.ts';
import * as shapes from './arguments.ts';
import { readDirectives } from './directives.ts';
import { announcedHeredocs, readHeredoc, type Heredoc } from './heredoc.ts';
import { LineReader, type LogicalLine } from './logical-lines.ts';
import { nearest } from '../../lib/nearest.ts';
import type { HullError } from '../../model/errors.ts';
import { blueprintError, blueprintSource, type BlueprintSource } from './source.ts';
import type { BlueprintTree, InstructionNode } from './tree.ts';
import { splitFlags } from './words.ts';

/** How each instruction's arguments are split. ONBUILD holds another instruction. */
const SHAPES: ReadonlyMap<string, ArgumentsParser> = new Map([
  ['add', shapes.jsonOrWords],
  ['arg', shapes.quotedWords],
  ['cmd', shapes.jsonOrText],
  ['copy', shapes.jsonOrWords],
  ['entrypoint', shapes.jsonOrText],
  ['env', shapes.keyValues('ENV')],
  ['expose', shapes.blankSeparated],
  ['from', shapes.blankSeparated],
  ['healthcheck', shapes.healthcheck],
  ['label', shapes.keyValues('LABEL')],
  ['maintainer', shapes.wholeText],
  ['run', shapes.jsonOrText],
  ['shell', shapes.jsonOrText],
  ['stopsignal', shapes.wholeText],
  ['user', shapes.wholeText],
  ['volume', shapes.jsonOrWords],
  ['workdir', shapes.wholeText],
]);

const WITH_HEREDOCS = new Set(['add', 'copy', 'run']);
/** Characters of a blueprint, and of one of its lines (Docker's own bound); instructions; ONBUILDs in each other. */
const LONGEST_BLUEPRINT = 512 * 1024;
const LONGEST_LINE = 65_535;
const MOST_INSTRUCTIONS = 4000;
const DEEPEST_ONBUILD = 8;

interface Reading {
  readonly source: BlueprintSource;
  readonly escape: string;
  readonly reader: LineReader;
}

/**
 * Parses a blueprint. `name` is what errors call it. Throws `blueprint-invalid` (see `source.ts`) and nothing else. The grammar is that of
 * Docker's own parser (github.com/moby/buildkit, frontend/dockerfile/parser), whose cases are its conformance test.
 */
export function parseBlueprint(text: string, name = 'Dockerfile'): BlueprintTree {
  if (text.length > LONGEST_BLUEPRINT)
    throw tooLarge(name, 1, `a blueprint may have at most ${LONGEST_BLUEPRINT} characters`);
  const source = blueprintSource(name, text);
  const long = source.lines.findIndex((line) => line.length > LONGEST_LINE);
  if (long >= 0) throw tooLarge(name, long + 1, `a line may have at most ${LONGEST_LINE} characters`);
  const { escape } = readDirectives(source);
  const reading = { source, escape, reader: new LineReader(source, escape) };
  const instructions: InstructionNode[] = [];
  for (let line = reading.reader.logical(); line !== null; line = reading.reader.logical()) {
    if (instructions.length === MOST_INSTRUCTIONS)
      throw tooLarge(name, line.firstLine, `a blueprint may have at most ${MOST_INSTRUCTIONS} instructions`);
    instructions.push(parseInstruction(reading, line, 0, 0));
  }
  if (instructions.length === 0) {
    throw blueprintError(
      source,
      { line: Math.max(1, source.lines.length), column: 1 },
      'the blueprint holds no instruction',
    );
  }
  return { source, escape, instructions };
}

/** The line itself may be longer than any terminal shows. */
function tooLarge(name: string, line: number, message: string): HullError {
  return blueprintError({ name, lines: [] }, { line, column: 1 }, message);
}

/** `depth`: ONBUILDs that it stands in. */
function parseInstruction(reading: Reading, line: LogicalLine, from: number, depth: number): InstructionNode {
  const text = line.text.slice(from).trimEnd();
  const written = /^\S+/u.exec(text)?.[0] ?? '';
  const keyword = written.toLowerCase();
  const afterKeyword = from + written.length;
  const flagged = splitFlags(line.text.slice(afterKeyword).trimEnd());
  const flags = flagged.flags.map((flag) => ({ ...flag, offset: flag.offset + afterKeyword }));
  const untrimmed = text.slice(written.length + flagged.rest);
  const rest = untrimmed.trimStart();
  const restAt = afterKeyword + flagged.rest + untrimmed.length - rest.length;
  const base = { keyword, flags, text, line, source: reading.source };
  if (keyword === 'onbuild') return parseOnbuild(reading, base, restAt, depth + 1);
  const parsed = parseArguments(reading, base, rest, restAt, from);
  const heredocs =
    WITH_HEREDOCS.has(keyword) && !parsed.json ? readHeredocs(reading, line, rest, restAt) : [];
  return { ...base, ...parsed, nested: null, heredocs };
}

function parseOnbuild(
  reading: Reading,
  base: Pick<InstructionNode, 'keyword' | 'flags' | 'text' | 'line' | 'source'>,
  restAt: number,
  depth: number,
): InstructionNode {
  if (depth > DEEPEST_ONBUILD)
    throw blueprintError(reading.source, base.line.position(restAt), 'ONBUILD cannot stand in ONBUILD');
  const empty = base.line.text.slice(restAt).trim() === '';
  const nested = empty ? null : parseInstruction(reading, base.line, restAt, depth);
  return { ...base, args: [], json: false, nested, heredocs: nested?.heredocs ?? [] };
}

function parseArguments(
  reading: Reading,
  base: Pick<InstructionNode, 'keyword' | 'line'>,
  rest: string,
  restAt: number,
  at: number,
): ParsedArguments {
  const shape = SHAPES.get(base.keyword);
  if (shape === undefined) {
    const suggestion = nearest(base.keyword, [...SHAPES.keys(), 'onbuild']);
    const written = /^\S+/u.exec(base.line.text.slice(at))?.[0] ?? '';
    const hint = suggestion === null ? '' : `; did you mean ${suggestion.toUpperCase()}?`;
    throw blueprintError(reading.source, base.line.position(at), `unknown instruction "${written}"${hint}`);
  }
  try {
    return shape(rest, restAt, reading.escape);
  } catch (error) {
    if (!(error instanceof ArgumentsError)) throw error;
    throw blueprintError(reading.source, base.line.position(error.offset), error.message);
  }
}

function readHeredocs(reading: Reading, line: LogicalLine, rest: string, restAt: number): readonly Heredoc[] {
  if (!rest.includes('<<')) return [];
  return announcedHeredocs(rest, restAt, reading.escape).map((announced) => {
    const heredoc = readHeredoc(reading.reader, announced);
    if (heredoc !== null) return heredoc;
    throw blueprintError(
      reading.source,
      line.position(announced.word.offset),
      `the document <<${announced.name} has no end: no line consists of "${announced.name}" alone`,
    );
  });
}
