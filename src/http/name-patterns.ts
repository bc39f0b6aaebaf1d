import { linearRegex, type TextPattern } from '../lib/linear-regex.ts';
import { HullError } from '../model/errors.ts';
import type { Filters } from './filters.ts';

/** Expressions in one filter; names and ids are not counted. */
const MOST_PATTERNS = 50;
const PLAIN = /^[\w/.-]*$/;

/**
 * The values of a filter as Docker matches names and ids with them: one of them must be the text itself, or match anywhere in it as a regular
 * expression. What is none matches itself alone. Without the filter everything passes.
 */
export function namePatterns(filters: Filters, name: string): (text: string) => boolean {
  const values = filters.get(name);
  if (values.length === 0) return () => true;
  if (values.length > MOST_PATTERNS && values.filter((value) => !PLAIN.test(value)).length > MOST_PATTERNS)
    throw new HullError('invalid-argument', `filter "${name}" has more than ${MOST_PATTERNS} expressions`);
  const patterns = values.flatMap(patternOf);
  return (text) => values.includes(text) || patterns.some((pattern) => pattern.test(text));
}

function patternOf(value: string): TextPattern[] {
  try {
    return [linearRegex(value)];
  } catch {
    return [];
  }
}
