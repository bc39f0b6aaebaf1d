import { splitTemplate, type Token, tokenize } from './lexer.ts';
import { TemplateError } from './template-error.ts';

export type Expression =
  | { readonly kind: 'literal'; readonly value: unknown }
  | { readonly kind: 'path'; readonly start: string; readonly names: readonly string[] }
  | { readonly kind: 'fields'; readonly of: Expression; readonly names: readonly string[] }
  /** A field that takes arguments: `.Label "name"`. */
  | { readonly kind: 'method'; readonly of: Expression; readonly args: readonly Expression[] }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: 'pipe'; readonly stages: readonly Expression[] };

export type Node =
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'print'; readonly value: Expression }
  | {
      readonly kind: 'assign';
      readonly names: readonly string[];
      readonly declare: boolean;
      readonly value: Expression;
    }
  | {
      readonly kind: 'if' | 'with';
      readonly names: readonly string[];
      readonly test: Expression;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  | {
      readonly kind: 'range';
      readonly names: readonly string[];
      readonly over: Expression;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  | { readonly kind: 'break' | 'continue' };

/** Parses the part of Go's text/template that command output needs: see `evaluate.ts`. Throws `TemplateError`. */
export function parseTemplate(source: string): readonly Node[] {
  const builder = new TreeBuilder();
  for (const piece of splitTemplate(source)) {
    if (piece.kind === 'text') builder.add({ kind: 'text', value: piece.value });
    else builder.action(tokenize(piece.source));
  }
  return builder.finish();
}

interface Open {
  readonly kind: 'if' | 'with' | 'range';
  readonly names: readonly string[];
  readonly test: Expression;
  readonly body: Node[];
  otherwise: Node[] | null;
  /** Opened by `else if`: its parent's `end` is its own. */
  readonly chained: boolean;
}

class TreeBuilder {
  readonly #root: Node[] = [];
  readonly #open: Open[] = [];

  add(node: Node): void {
    const top = this.#open.at(-1);
    (top === undefined ? this.#root : (top.otherwise ?? top.body)).push(node);
  }

  action(tokens: readonly Token[]): void {
    const [first] = tokens;
    if (first === undefined) throw new TemplateError('missing value for command');
    switch (first.kind === 'word' ? first.value : '') {
      case 'if':
      case 'with':
      case 'range':
        return this.#begin(tokens, false);
      case 'else':
        return this.#else(tokens.slice(1));
      case 'end':
        return this.#end();
      case 'break':
      case 'continue':
        return this.#jump(first.kind === 'word' && first.value === 'break' ? 'break' : 'continue');
      default:
        this.add(statement(tokens));
    }
  }

  finish(): readonly Node[] {
    if (this.#open.length > 0) throw new TemplateError('unexpected EOF');
    return this.#root;
  }

  #begin([word, ...rest]: readonly Token[], chained: boolean): void {
    const kind = word?.kind === 'word' ? (word.value as 'if') : 'if';
    const { names, expression } = declaration(rest);
    this.#open.push({ kind, names, test: expression, body: [], otherwise: null, chained });
  }

  #else(rest: readonly Token[]): void {
    const top = this.#open.at(-1);
    if (top === undefined || top.otherwise !== null) throw new TemplateError('unexpected {{else}}');
    top.otherwise = [];
    if (rest.length > 0) this.#begin(rest, true);
  }

  #end(): void {
    const top = this.#open.pop();
    if (top === undefined) throw new TemplateError('unexpected {{end}}');
    const otherwise = top.otherwise ?? [];
    if (top.kind === 'range')
      this.add({ kind: 'range', names: top.names, over: top.test, body: top.body, otherwise });
    else this.add({ kind: top.kind, names: top.names, test: top.test, body: top.body, otherwise });
    if (top.chained) this.#end();
  }

  #jump(kind: 'break' | 'continue'): void {
    if (!this.#open.some((one) => one.kind === 'range'))
      throw new TemplateError(`{{${kind}}} outside {{range}}`);
    this.add({ kind });
  }
}

function statement(tokens: readonly Token[]): Node {
  const { names, expression, declare } = declaration(tokens);
  return names.length === 0
    ? { kind: 'print', value: expression }
    : { kind: 'assign', names, declare, value: expression };
}

/** `$x := …`, `$i, $x := …`, `$x = …` or a bare pipeline. */
function declaration(tokens: readonly Token[]): {
  names: readonly string[];
  expression: Expression;
  declare: boolean;
} {
  const sign = tokens.findIndex(
    (token) => token.kind === 'sign' && (token.value === ':=' || token.value === '='),
  );
  if (sign < 0) return { names: [], expression: pipeline(tokens), declare: false };
  const names = tokens.slice(0, sign).flatMap((token) => {
    if (token.kind === 'path' && token.start.startsWith('$') && token.names.length === 0)
      return [token.start];
    if (token.kind === 'sign' && token.value === ',') return [];
    throw new TemplateError('unexpected value before :=');
  });
  const assigned = tokens[sign];
  const declare = assigned?.kind === 'sign' && assigned.value === ':=';
  return { names, expression: pipeline(tokens.slice(sign + 1)), declare };
}

function pipeline(tokens: readonly Token[]): Expression {
  const cursor = new Cursor(tokens);
  const expression = cursor.pipeline();
  cursor.expectEnd();
  return expression;
}

class Cursor {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  pipeline(): Expression {
    const stages = [this.#command()];
    while (this.#takeSign('|')) stages.push(this.#command());
    const [only] = stages;
    return stages.length === 1 && only !== undefined ? only : { kind: 'pipe', stages };
  }

  expectEnd(): void {
    if (this.#at < this.#tokens.length) throw new TemplateError('unexpected token in action');
  }

  /** A value, or a function with its arguments. */
  #command(): Expression {
    const operands: Expression[] = [];
    for (let next = this.#operand(); next !== null; next = this.#operand()) operands.push(next);
    const [head, ...args] = operands;
    if (head === undefined) throw new TemplateError('missing value for command');
    if (head.kind === 'call' && head.args.length === 0) return { ...head, args };
    if (args.length === 0) return head;
    if (head.kind === 'path') return { kind: 'method', of: head, args };
    throw new TemplateError("can't give argument to non-function");
  }

  #operand(): Expression | null {
    const token = this.#tokens[this.#at];
    if (token === undefined) return null;
    if (token.kind === 'sign' && token.value !== '(') return null;
    this.#at += 1;
    switch (token.kind) {
      case 'string':
      case 'number':
        return { kind: 'literal', value: token.value };
      case 'path':
        return { kind: 'path', start: token.start, names: token.names };
      case 'word':
        return word(token.value);
      case 'sign':
        return this.#parenthesized();
    }
  }

  #parenthesized(): Expression {
    const inner = this.pipeline();
    if (!this.#takeSign(')')) throw new TemplateError('unclosed left paren');
    const next = this.#tokens[this.#at];
    // A call in parentheses is complete: it takes no further arguments.
    const closed: Expression = { kind: 'pipe', stages: [inner] };
    if (next?.kind !== 'path' || next.start !== ')') return closed;
    this.#at += 1;
    return { kind: 'fields', of: closed, names: next.names };
  }

  #takeSign(value: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'sign' || token.value !== value) return false;
    this.#at += 1;
    return true;
  }
}

function word(value: string): Expression {
  if (value === 'true' || value === 'false') return { kind: 'literal', value: value === 'true' };
  if (value === 'nil') return { kind: 'literal', value: null };
  return { kind: 'call', name: value, args: [] };
}
