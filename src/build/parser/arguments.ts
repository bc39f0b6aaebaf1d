import { splitBlanks, splitQuoted, type Word } from './words.ts';
import { parseBoundedJson } from '../../lib/bounded-json.ts';

/** What an instruction's arguments were split into. */
export interface ParsedArguments {
  readonly args: readonly Word[];
  readonly json: boolean;
}

/** A complaint with the offset in the logical line that it is about; the parser turns it into a blueprint error. */
export class ArgumentsError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

export type ArgumentsParser = (text: string, offset: number, escape: string) => ParsedArguments;

export const nothing: ParsedArguments = { args: [], json: false };

/** The whole rest as one word. */
export const wholeText: ArgumentsParser = (text, offset) =>
  text === '' ? nothing : { args: [{ text, offset }], json: false };

export const blankSeparated: ArgumentsParser = (text, offset) => ({
  args: splitBlanks(text, offset),
  json: false,
});

export const quotedWords: ArgumentsParser = (text, offset, escape) => ({
  args: splitQuoted(text, offset, escape),
  json: false,
});

/** A JSON array of strings, else the whole text. Text that merely begins like one is text, as Docker has it. */
export const jsonOrText: ArgumentsParser = (text, offset, escape) =>
  jsonArray(text, offset) ?? wholeText(text, offset, escape);

export const jsonOrWords: ArgumentsParser = (text, offset, escape) =>
  jsonArray(text, offset) ?? blankSeparated(text, offset, escape);

/** HEALTHCHECK: a kind (`CMD`, `NONE`), then a JSON array or text. */
export const healthcheck: ArgumentsParser = (text, offset, escape) => {
  const kind = /^\S+/u.exec(text)?.[0];
  if (kind === undefined) return nothing;
  const rest = text.slice(kind.length).trimStart();
  const command = jsonOrText(rest, offset + text.length - rest.length, escape);
  return { args: [{ text: kind, offset }, ...command.args], json: command.json };
};

/** `name=value name2="value 2"`, or the old form `name the rest`. */
export function keyValues(keyword: string): ArgumentsParser {
  return (text, offset, escape) => {
    const words = splitQuoted(text, offset, escape);
    const first = words[0];
    if (first === undefined) return nothing;
    if (!first.text.includes('=')) return oldKeyValue(keyword, text, offset);
    return { args: words.flatMap(keyValue), json: false };
  };
}

function keyValue(word: Word): Word[] {
  const sign = word.text.indexOf('=');
  if (sign < 0) throw new ArgumentsError(`"${word.text}" has no "="; write name=value`, word.offset);
  if (sign === 0) throw new ArgumentsError(`"${word.text}" has no name before "="`, word.offset);
  return [
    { text: word.text.slice(0, sign), offset: word.offset },
    { text: word.text.slice(sign + 1), offset: word.offset + sign + 1 },
    { text: '=', offset: word.offset + sign },
  ];
}

function oldKeyValue(keyword: string, text: string, offset: number): ParsedArguments {
  const blank = /[\t\v\f\r ]+/u.exec(text);
  if (blank === null)
    throw new ArgumentsError(`${keyword} needs a name and a value: ${keyword} name=value`, offset);
  const value = blank.index + blank[0].length;
  const args = [
    { text: text.slice(0, blank.index), offset },
    { text: text.slice(value), offset: offset + value },
    { text: '', offset: offset + value },
  ];
  return { args, json: false };
}

function jsonArray(text: string, offset: number): ParsedArguments | null {
  if (!text.startsWith('[')) return null;
  const value = parseJson(text);
  if (!Array.isArray(value)) return null;
  const args = value.map((element: unknown) => {
    if (typeof element === 'string') return { text: element, offset };
    throw new ArgumentsError('a JSON array here may hold only strings', offset);
  });
  return { args, json: true };
}

function parseJson(text: string): unknown {
  try {
    return parseBoundedJson(text);
  } catch {
    return null;
  }
}
