import { readFileSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

export const PROJECT = resolve(import.meta.dirname, '../..');

/** One TypeScript file of the project. */
export interface SourceFile {
  /** Relative to the project, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** Every `.ts` file below the project's `folders`; folders that do not exist yet are empty. */
export function sourceFiles(...folders: readonly string[]): SourceFile[] {
  return folders
    .flatMap((folder) => list(join(PROJECT, folder)))
    .toSorted((a, b) => a.path.localeCompare(b.path));
}

function list(folder: string): SourceFile[] {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(PROJECT, path), text: readFileSync(path, 'utf8') }));
}

/** Tests, and what only tests use: they may reach for anything. */
export function isTest(path: string): boolean {
  return /\.test\.ts$|(^|\/)test(ing)?\/|\/conformance[^/]*\.ts$|\/fake[^/]*\.ts$/.test(path);
}

/** 1-based line of an offset. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** Blanks out comments, keeping offsets and lines, so that an example in a comment is not taken for code. */
export function withoutComments(text: string): string {
  const parts = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
  return text.replace(parts, (part) => (part.startsWith('/') ? part.replace(/[^\n]/g, ' ') : part));
}
