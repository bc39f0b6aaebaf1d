import type { LineReader } from './logical-lines.ts';
import { splitQuoted, type Word } from './words.ts';

/** A document given inside the blueprint (`<<EOF`), read after its instruction's line. */
export interface Heredoc {
  /** The word that ends it, and the name of the file that COPY makes from it. */
  readonly name: string;
  /** Variables are expanded; false when the word is quoted. */
  readonly expand: boolean;
  /** `<<-`: leading tabs are removed. */
  readonly stripTabs: boolean;
  /** File descriptor before the sign (`3<<EOF`), as written. */
  readonly descriptor: string;
  readonly content: string;
  /** The word itself, to tell it from other arguments. */
  readonly word: Word;
}

const SIGN = /^(\d*)<<(-?)([^<]+)$/u;

/** The heredocs that a line announces, still without content. */
export function announcedHeredocs(text: string, offset: number, escape: string): Omit<Heredoc, 'content'>[] {
  const found: Omit<Heredoc, 'content'>[] = [];
  for (const word of splitQuoted(text, offset, escape)) {
    const match = SIGN.exec(word.text);
    if (match === null) continue;
    const [, descriptor = '', strip = '', raw = ''] = match;
    const name = raw.replaceAll(/["']/gu, '');
    if (name === '' || /\s/u.test(name)) continue;
    found.push({ name, expand: name === raw, stripTabs: strip === '-', descriptor, word });
  }
  return found;
}

/** Reads a heredoc's lines up to its end word; null when the blueprint ends before. */
export function readHeredoc(reader: LineReader, announced: Omit<Heredoc, 'content'>): Heredoc | null {
  let content = '';
  for (let line = reader.raw(); line !== null; line = reader.raw()) {
    const text = announced.stripTabs ? line.replace(/^\t+/u, '') : line;
    if (text === announced.name) return { ...announced, content };
    content += `${text}\n`;
  }
  return null;
}
