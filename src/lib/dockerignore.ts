import { HullError } from '../model/errors.ts';

/**
 * `.dockerignore`: which paths of a context are left out. The rules are Docker's (github.com/moby/patternmatcher): patterns are anchored at the
 * context's root, `*`, `?`, `[a-z]` and `**` as usual, a match of a folder covers what is below it, and of several patterns the last that
 * matches decides, `!` bringing back in.
 */
export interface IgnoreMatcher {
  /** Is the path (relative, `/` between names) left out? */
  ignores(path: string): boolean;
  /** May something below an ignored folder be brought back in? If not, the folder need not be entered. */
  readonly hasExceptions: boolean;
}

interface Pattern {
  readonly exception: boolean;
  readonly regex: RegExp;
}

const MOST_PATTERNS = 10_000;

/** The patterns of a `.dockerignore` file, `!` kept, comments and empty lines dropped. */
export function readIgnorePatterns(text: string): string[] {
  const withoutMark = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const lines = withoutMark.split('\n').filter((line) => !line.startsWith('#'));
  return lines.map(cleanPattern).filter((pattern) => pattern !== '');
}

/** Throws `invalid-argument` for a malformed pattern. */
export function ignoreMatcher(patterns: readonly string[]): IgnoreMatcher {
  if (patterns.length > MOST_PATTERNS) {
    throw new HullError(
      'invalid-argument',
      `.dockerignore has ${patterns.length} patterns; at most ${MOST_PATTERNS} are allowed`,
    );
  }
  const compiled = patterns
    .map(cleanPattern)
    .filter((pattern) => pattern !== '')
    .map(compile);
  return {
    hasExceptions: compiled.some((pattern) => pattern.exception),
    ignores(path) {
      const names = path.split('/').filter((name) => name !== '' && name !== '.');
      // '/' names the root itself: patterns such as `**` match it.
      const prefixes =
        names.length === 0 ? ['/'] : names.map((_, index) => names.slice(0, index + 1).join('/'));
      let ignored = false;
      for (const pattern of compiled) {
        if (pattern.exception === ignored && prefixes.some((prefix) => pattern.regex.test(prefix)))
          ignored = !pattern.exception;
      }
      return ignored;
    },
  };
}

/** Trims, and cleans the path as filepath.Clean does: no leading or trailing slash, no `.`, `..` resolved. */
function cleanPattern(pattern: string): string {
  const trimmed = pattern.trim();
  const exception = trimmed.startsWith('!');
  const path = exception ? trimmed.slice(1).trim() : trimmed;
  if (path === '') return exception ? '!' : '';
  const names: string[] = [];
  for (const name of path.split('/')) {
    // `**/**` says no more than `**`, and would be slow to match.
    if (name === '' || name === '.' || (name === '**' && names.at(-1) === '**')) continue;
    if (name === '..' && names.length > 0 && names.at(-1) !== '..') names.pop();
    else if (name !== '..' || !path.startsWith('/')) names.push(name);
  }
  return names.length === 0 ? '' : (exception ? '!' : '') + names.join('/');
}

function compile(pattern: string): Pattern {
  const exception = pattern.startsWith('!');
  const path = exception ? pattern.slice(1) : pattern;
  if (path === '')
    throw new HullError('invalid-argument', '.dockerignore has a "!" without a pattern; write !PATTERN');
  try {
    return { exception, regex: new RegExp(`^${translate(path)}$`, 'su') };
  } catch (error) {
    throw new HullError(
      'invalid-argument',
      `.dockerignore has a malformed pattern "${path}"; escape literal brackets with \\`,
      { cause: error },
    );
  }
}

function translate(path: string): string {
  let regex = '';
  for (let index = 0; index < path.length; index += 1) {
    const character = path.charAt(index);
    if (character === '*') {
      const { text, length } = star(path, index);
      regex += text;
      index += length - 1;
    } else if (character === '?') {
      regex += '[^/]';
    } else if (character === '[') {
      const { text, length } = characterClass(path, index);
      regex += text;
      index += length - 1;
    } else if (character === '\\') {
      index += 1;
      if (index === path.length) throw new SyntaxError('nothing after the last backslash');
      regex += literal(path.charAt(index));
    } else {
      regex += literal(character);
    }
  }
  return regex;
}

/** `*` stays within a name; `**` crosses names, and with a slash after it stands for no or any number of folders. */
function star(path: string, index: number): { text: string; length: number } {
  if (path.charAt(index + 1) !== '*') return { text: '[^/]*', length: 1 };
  if (index + 2 === path.length) return { text: '.*', length: 2 };
  return path.charAt(index + 2) === '/' ? { text: '(?:.*/)?', length: 3 } : { text: '(?:.*/)?', length: 2 };
}

/** `[a-d]`, `[^a-d]`; a backslash escapes inside. */
function characterClass(path: string, start: number): { text: string; length: number } {
  let index = start + 1;
  const negated = path.charAt(index) === '^';
  if (negated) index += 1;
  let members = '';
  for (; index < path.length && (path.charAt(index) !== ']' || members === ''); index += 1) {
    const character = path.charAt(index);
    if (character === '\\') index += 1;
    members += character === '-' ? '-' : literal(path.charAt(index));
  }
  if (index >= path.length) throw new SyntaxError('unterminated character class');
  return { text: `(?!/)[${negated ? '^' : ''}${members}]`, length: index + 1 - start };
}

function literal(character: string): string {
  return /[\\^$.*+?()[\]{}|/-]/u.test(character) && character !== '-' ? `\\${character}` : character;
}
