import { blueprintError, type BlueprintSource } from './source.ts';

/** What the comments at the head of a blueprint may set (`# escape=`` ` ``). */
export interface Directives {
  /** `\` or a backtick: escapes characters and continues lines. */
  readonly escape: string;
}

const DIRECTIVE = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/u;
const KNOWN = new Set(['escape', 'syntax', 'check']);

/** Directives stand before every instruction, comment and empty line; each at most once. `syntax` and `check` are accepted and have no effect. */
export function readDirectives(source: BlueprintSource): Directives {
  const seen = new Set<string>();
  let escape = '\\';
  for (const [index, line] of source.lines.entries()) {
    const match = DIRECTIVE.exec(line.trimStart());
    const name = match?.[1]?.toLowerCase();
    if (name === undefined || !KNOWN.has(name)) break;
    const at = { line: index + 1, column: 1 };
    if (seen.has(name)) throw blueprintError(source, at, `the directive "${name}" may be given only once`);
    seen.add(name);
    if (name !== 'escape') continue;
    escape = match?.[2] ?? '';
    if (escape !== '\\' && escape !== '`') {
      throw blueprintError(source, at, `the escape character must be \\ or \`, not "${escape}"`);
    }
  }
  return { escape };
}
