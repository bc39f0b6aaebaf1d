import { HullError } from '../model/errors.ts';
import { Glob, GlobError } from './glob.ts';
import { codesOf } from './glob-syntax.ts';
import { StepBudget } from './step-budget.ts';

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
  readonly glob: Glob;
}

const MOST_PATTERNS = 10_000;
/** Of all patterns together, and of one: no path is longer (PATH_MAX). */
const MOST_CHARACTERS = 1024 * 1024;
const LONGEST_PATTERN = 4096;
/** For one path and all patterns: 10,000 patterns of folders over a path of a hundred characters take 2 million. */
const MOST_STEPS = 10_000_000;

/** The patterns of a `.dockerignore` file, `!` kept, comments and empty lines dropped. */
export function readIgnorePatterns(text: string): string[] {
  const withoutMark = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const lines = withoutMark.split('\n').filter((line) => !line.startsWith('#'));
  return lines.map(cleanPattern).filter((pattern) => pattern !== '');
}

/**
 * Throws `invalid-argument` for a malformed pattern, and for more or longer ones than anybody needs; `ignores` does for a path that takes too
 * long to match.
 */
export function ignoreMatcher(patterns: readonly string[]): IgnoreMatcher {
  const length = patterns.reduce((sum, pattern) => sum + pattern.length, 0);
  if (patterns.length > MOST_PATTERNS || length > MOST_CHARACTERS) {
    throw new HullError(
      'invalid-argument',
      `.dockerignore has ${patterns.length} patterns of ${length} characters; at most ${MOST_PATTERNS} of ${MOST_CHARACTERS} are allowed`,
    );
  }
  const budget = new StepBudget('matching one path with .dockerignore', MOST_STEPS);
  const compiled = patterns
    .map(cleanPattern)
    .filter((pattern) => pattern !== '')
    .map((pattern) => compile(pattern, budget));
  return {
    hasExceptions: compiled.some((pattern) => pattern.exception),
    ignores(path) {
      const names = path.split('/').filter((name) => name !== '' && name !== '.');
      // '/' names the root itself: patterns such as `**` match it.
      const codes = codesOf(names.length === 0 ? '/' : names.join('/'));
      budget.refill();
      let ignored = false;
      for (const { exception, glob } of compiled) {
        if (exception === ignored && glob.matchesWithin(codes)) ignored = !exception;
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

function compile(pattern: string, budget: StepBudget): Pattern {
  const exception = pattern.startsWith('!');
  const path = exception ? pattern.slice(1) : pattern;
  if (path === '')
    throw new HullError('invalid-argument', '.dockerignore has a "!" without a pattern; write !PATTERN');
  if (path.length > LONGEST_PATTERN) {
    throw new HullError(
      'invalid-argument',
      `.dockerignore has a pattern of ${path.length} characters; at most ${LONGEST_PATTERN} are allowed, as in a path`,
    );
  }
  try {
    return { exception, glob: Glob.of(path, 'ignore', budget) };
  } catch (error) {
    if (!(error instanceof GlobError)) throw error;
    throw new HullError(
      'invalid-argument',
      `.dockerignore has a malformed pattern "${path}"; escape literal brackets with \\`,
      { cause: error },
    );
  }
}
