/** A word of an instruction, with its offset in the logical line. Quotes and escapes are kept unless a function says otherwise. */
export interface Word {
  readonly text: string;
  readonly offset: number;
}

const SPACE = /\s/u;
const BLANKS = /[\t\v\f\r ]+/gu;

/** Splits at blanks, quotes and escapes meaning nothing. `offset` is where `text` begins. */
export function splitBlanks(text: string, offset: number): Word[] {
  const words: Word[] = [];
  let from = 0;
  for (const blank of text.matchAll(BLANKS)) {
    words.push({ text: text.slice(from, blank.index), offset: offset + from });
    from = blank.index + blank[0].length;
  }
  if (from < text.length || words.length > 0) words.push({ text: text.slice(from), offset: offset + from });
  return words;
}

/** Splits at blanks outside quotes; quotes and escapes stay in the words (expansion removes them later). An escape at the very end is dropped. */
export function splitQuoted(text: string, offset: number, escape: string): Word[] {
  const words: Word[] = [];
  let position = 0;
  while (position < text.length) {
    if (SPACE.test(text.charAt(position))) {
      position += 1;
      continue;
    }
    const start = position;
    const word = scanWord(text, start, escape);
    position = word.end;
    if (word.text !== '') words.push({ text: word.text, offset: offset + start });
  }
  return words;
}

function scanWord(text: string, start: number, escape: string): { text: string; end: number } {
  let word = '';
  let quote = '';
  let position = start;
  for (; position < text.length; position += 1) {
    const character = text.charAt(position);
    if (quote === '' && SPACE.test(character)) break;
    if (character === escape && quote !== "'") {
      if (position + 1 === text.length) continue;
      position += 1;
      word += character + text.charAt(position);
      continue;
    }
    if (quote === '' && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = '';
    word += character;
  }
  return { text: word, end: position };
}

/**
 * Takes the `--name=value` words from the head of an instruction's arguments; quotes and backslashes in them are removed. `--` ends them.
 * Returns where the rest begins.
 */
export function splitFlags(text: string): { flags: Word[]; rest: number } {
  const flags: Word[] = [];
  let position = 0;
  for (;;) {
    while (position < text.length && SPACE.test(text.charAt(position))) position += 1;
    if (!text.startsWith('--', position)) return { flags, rest: position };
    const flag = scanFlag(text, position);
    if (flag.text === '--') return { flags, rest: flag.end };
    flags.push({ text: flag.text, offset: position });
    position = flag.end;
  }
}

function scanFlag(text: string, start: number): { text: string; end: number } {
  let flag = '';
  let quote = '';
  let position = start;
  for (; position < text.length; position += 1) {
    let character = text.charAt(position);
    if (quote === '' && SPACE.test(character)) break;
    if (quote === '' && (character === '"' || character === "'")) {
      quote = character;
      continue;
    }
    if (character === quote) {
      quote = '';
      continue;
    }
    if (character === '\\') {
      if (position + 1 === text.length) continue;
      position += 1;
      character = text.charAt(position);
    }
    flag += character;
  }
  return { text: flag, end: position };
}
