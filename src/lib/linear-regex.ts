import type { RE2JS } from 're2js';

export interface TextPattern {
  /** Does the pattern match anywhere in the text? */
  test(text: string): boolean;
}

/**
 * Names, and what is written around them: nothing that repeats or chooses, so that no matcher can go wrong by more than the pattern's length.
 * It means the same in every dialect.
 */
const SIMPLE = /^\^?(?:[\w\s/:@,=.-]|\\\.)*\$?$/;
/** Steps of a pattern's program. The work for a text is at most their product; nobody who looks for a name needs as many. */
const MOST_STEPS = 2000;

/**
 * A regular expression of Go's dialect (RE2), which others hand in: matching takes time linear in the text, whatever the pattern. The
 * platform's own expressions take exponential time for some, `(a+)+$` among them, on the thread that serves everybody. Throws an Error that
 * says what is wrong with the pattern.
 */
export function linearRegex(pattern: string): TextPattern {
  if (SIMPLE.test(pattern)) return new RegExp(pattern);
  // Loaded when the first such pattern comes: it takes 25 ms and 8 MB, and most clients never send one.
  const { RE2JS: compiler } = require('re2js') as { RE2JS: typeof RE2JS };
  const compiled = compiler.compile(pattern);
  if (compiled.programSize() > MOST_STEPS) throw new Error('the expression is too large');
  return { test: (text) => compiled.matcher(text).find() };
}
