import { TemplateError } from './template-error.ts';

export type Token =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'word'; readonly value: string }
  /** `.A.B`, `$x.A`: names after a start (`.`, `$`, `$x`, or `)` for a field of what is in parentheses). */
  | { readonly kind: 'path'; readonly start: string; readonly names: readonly string[] }
  | { readonly kind: 'sign'; readonly value: '(' | ')' | '|' | ',' | ':=' | '=' };

export type Piece =
  { readonly kind: 'text'; readonly value: string } | { readonly kind: 'action'; readonly source: string };

/** Splits a template into literal text and the insides of `{{…}}`; trim markers are applied, comments left out. */
export function splitTemplate(source: string): Piece[] {
  const pieces: Piece[] = [];
  let rest = source;
  let trimNext = false;
  for (;;) {
    const open = rest.indexOf('{{');
    let text = open < 0 ? rest : rest.slice(0, open);
    if (trimNext) text = text.trimStart();
    const inside = open < 0 ? '' : rest.slice(open + 2);
    const trimBefore = /^-\s/.test(inside);
    if (trimBefore) text = text.trimEnd();
    if (text !== '') pieces.push({ kind: 'text', value: text });
    if (open < 0) return pieces;
    const close = closingBraces(inside);
    const body = inside.slice(trimBefore ? 1 : 0, close);
    trimNext = /\s-$/.test(body);
    const action = (trimNext ? body.slice(0, -1) : body).trim();
    if (!/^\/\*[\s\S]*\*\/$/.test(action)) pieces.push({ kind: 'action', source: action });
    rest = inside.slice(close + 2);
  }
}

/** Where `}}` is, strings and comments skipped. */
function closingBraces(inside: string): number {
  const comment = /^(?:-\s+)?\s*\/\*/.exec(inside);
  const from = comment === null ? 0 : inside.indexOf('*/', comment[0].length);
  const pattern = /"(?:[^"\\\n]|\\.)*"|`[^`]*`|\}\}/g;
  pattern.lastIndex = Math.max(0, from);
  for (let match = pattern.exec(inside); match !== null; match = pattern.exec(inside)) {
    if (match[0] === '}}') return match.index;
  }
  throw new TemplateError('unclosed action');
}

const TOKEN =
  /\s+|(?<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?<number>[+-]?\d+(?:\.\d+)?)|(?<path>[.)$][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*|\.)|(?<word>[A-Za-z_][A-Za-z0-9_]*)|(?<sign>:=|[()|,=])/y;

/** The tokens of one action. */
export function tokenize(action: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < action.length) {
    const at = TOKEN.lastIndex;
    const groups = TOKEN.exec(action)?.groups;
    if (groups === undefined)
      throw new TemplateError(`unexpected ${JSON.stringify(action.slice(at, at + 1))} in action`);
    const token = tokenOf(groups);
    if (token !== null) tokens.push(...token);
  }
  return tokens;
}

function tokenOf(groups: Record<string, string | undefined>): Token[] | null {
  const { string, number, path, word, sign } = groups;
  if (string !== undefined) return [{ kind: 'string', value: unquote(string) }];
  if (number !== undefined) return [{ kind: 'number', value: Number(number) }];
  if (path !== undefined) return pathTokens(path);
  if (word !== undefined) return [{ kind: 'word', value: word }];
  if (sign !== undefined) return [{ kind: 'sign', value: sign as '(' }];
  return null;
}

function pathTokens(path: string): Token[] {
  if (path.startsWith('.'))
    return [{ kind: 'path', start: '.', names: path.split('.').filter((name) => name !== '') }];
  const [start = '', ...names] = path.split('.');
  if (!path.startsWith(')')) return [{ kind: 'path', start, names }];
  const closing: Token = { kind: 'sign', value: ')' };
  if (start !== ')') throw new TemplateError(`unexpected ${JSON.stringify(start.slice(1))} after ")"`);
  return names.length === 0 ? [closing] : [closing, { kind: 'path', start: ')', names }];
}

function unquote(literal: string): string {
  if (literal.startsWith('`')) return literal.slice(1, -1);
  const escapes: Readonly<Record<string, string>> = {
    n: '\n',
    t: '\t',
    r: '\r',
    '"': '"',
    '\\': '\\',
    "'": "'",
  };
  return literal
    .slice(1, -1)
    .replaceAll(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))/g, (_all, hex, unicode, letter) => {
      const code: unknown = hex ?? unicode;
      if (typeof code === 'string') return String.fromCharCode(Number.parseInt(code, 16));
      const plain = escapes[String(letter)];
      if (plain === undefined) throw new TemplateError('invalid escape in string');
      return plain;
    });
}
