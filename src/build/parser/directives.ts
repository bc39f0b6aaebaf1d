import { blueprintError, type BlueprintSource } from './source.ts';

/** What the comments at the head of a blueprint may set (`# escape=`` ` ``). */
export interface Directives {
  /** `\` or a backtick: escapes characters and continues lines. */
  readonly escape: string;
}

const NAME = /^[a-zA-Z][a-zA-Z0-9]*$/u;
const KNOWN = new Set(['escape', 'syntax', 'check']);

/** Directives stand before every instruction, comment and empty line; each at most once. `syntax` and `check` are accepted and have no effect. */
export function readDirectives(source: BlueprintSource): Directives {
  const seen = new Set<string>();
  let escape = '\\';
  for (const [index, line] of source.lines.entries()) {
    const directive = readDirective(line.trimStart());
    if (directive === null || !KNOWN.has(directive.name)) break;
    const { name, value } = directive;
    const at = { line: index + 1, column: 1 };
    if (seen.has(name)) throw blueprintError(source, at, `the directive "${name}" may be given only once`);
    seen.add(name);
    if (name !== 'escape') continue;
    escape = value;
    if (escape !== '\\' && escape !== '`') {
      throw blueprintError(source, at, `the escape character must be \\ or \`, not "${escape}"`);
    }
  }
  return { escape };
}

/** `# name=value`, blanks around each part; null for any other line. */
function readDirective(line: string): { name: string; value: string } | null {
  const sign = line.indexOf('=');
  if (!line.startsWith('#') || sign < 0) return null;
  const name = line.slice(1, sign).trim();
  const value = line.slice(sign + 1).trim();
  return NAME.test(name) && value !== '' ? { name: name.toLowerCase(), value } : null;
}
