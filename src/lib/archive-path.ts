import { posix } from 'node:path';
import { trimEndOf } from './trim-end.ts';

/**
 * A path inside an instance as Docker's archive requests read it: made absolute and clean, but a slash or dot at its end keeps its meaning:
 * `dir/` and `dir/.` name a folder, also through a link; `dir/.` names its contents rather than itself.
 */
export interface ArchivePath {
  /** Absolute, no `.`, `..`, double or trailing slashes. */
  readonly path: string;
  /** What comes after: '', '/', '/.' or '/./'. */
  readonly ending: '' | '/' | '/.' | '/./';
  /** Name of what is meant, as its first archive member has it: the last part, '.' for contents, '/' for the root. */
  readonly name: string;
}

/** Reads a path as the user gave it; never fails, and never leads above the root. */
export function readArchivePath(given: string): ArchivePath {
  const path = trimEndOf(posix.join('/', given), '/') || '/';
  const contents = /(?:^|\/)\.$/.test(trimEndOf(given, '/'));
  const slash = given.endsWith('/');
  const ending = contents ? (slash ? '/./' : '/.') : slash && path !== '/' ? '/' : '';
  return { path, ending, name: contents ? '.' : path === '/' ? '/' : posix.basename(path) };
}

/** Must it be a folder, and is a link at its end followed? */
export function meansFolder({ ending }: ArchivePath): boolean {
  return ending !== '';
}

/** Name of a member below a folder's. The root's is '/'. */
export function memberBelow(folder: string, entry: string): string {
  return folder === '' || folder.endsWith('/') ? `${folder}${entry}` : `${folder}/${entry}`;
}

/** Does a relative name lead above where it starts? By its text alone. */
export function leadsAbove(name: string): boolean {
  let depth = 0;
  for (const part of name.split('/')) {
    if (part === '..') depth -= 1;
    else if (part !== '' && part !== '.') depth += 1;
    if (depth < 0) return true;
  }
  return false;
}
