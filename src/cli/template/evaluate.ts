import { FUNCTIONS, type FunctionTable } from './functions.ts';
import { TemplateError } from './template-error.ts';
import { type Expression, type Node, parseTemplate } from './parser.ts';
import { isObject, isTrue, printedTop } from './values.ts';

export { HEADER_FUNCTIONS } from './functions.ts';
export { TemplateError } from './template-error.ts';

/** A template, parsed once and carried out for many values. */
export type Template = (data: unknown, functions?: FunctionTable) => string;

/** Output of one template at most, so that a nested `range` cannot take all memory. */
const OUTPUT_LIMIT = 64 << 20;

/**
 * Compiles the subset of Go's text/template that `--format` is used with: fields, variables, pipelines, parentheses,
 * `if`/`else if`/`else`, `range` (with `break` and `continue`), `with`, `and`/`or`, trim markers, comments, and the
 * functions of `functions.ts`. Throws `TemplateError`.
 */
export function compileTemplate(source: string): Template {
  const nodes = parseTemplate(source);
  return (data, functions = FUNCTIONS) => {
    const run = new Run(data, functions);
    run.nodes(nodes, data, new Scope(null, [['$', data]]));
    return run.output;
  };
}

class Scope {
  readonly #parent: Scope | null;
  readonly #values: Map<string, unknown>;

  constructor(parent: Scope | null, values: readonly (readonly [string, unknown])[] = []) {
    this.#parent = parent;
    this.#values = new Map(values);
  }

  declare(name: string, value: unknown): void {
    this.#values.set(name, value);
  }

  assign(name: string, value: unknown): void {
    if (this.#values.has(name)) this.#values.set(name, value);
    else if (this.#parent === null) throw new TemplateError(`undefined variable "${name}"`);
    else this.#parent.assign(name, value);
  }

  get(name: string): unknown {
    if (this.#values.has(name)) return this.#values.get(name);
    if (this.#parent === null) throw new TemplateError(`undefined variable "${name}"`);
    return this.#parent.get(name);
  }
}

type Flow = 'next' | 'break' | 'continue';

class Run {
  output = '';
  readonly #root: unknown;
  readonly #functions: FunctionTable;

  constructor(root: unknown, functions: FunctionTable) {
    this.#root = root;
    this.#functions = functions;
  }

  nodes(nodes: readonly Node[], dot: unknown, scope: Scope): Flow {
    for (const node of nodes) {
      const flow = this.#node(node, dot, scope);
      if (flow !== 'next') return flow;
    }
    return 'next';
  }

  #node(node: Node, dot: unknown, scope: Scope): Flow {
    switch (node.kind) {
      case 'text':
        return this.#write(node.value);
      case 'print':
        return this.#write(printedTop(this.#value(node.value, dot, scope)));
      case 'assign':
        return this.#assign(node, dot, scope);
      case 'if':
      case 'with':
        return this.#branch(node, dot, scope);
      case 'range':
        return this.#range(node, dot, scope);
      case 'break':
      case 'continue':
        return node.kind;
    }
  }

  #write(text: string): Flow {
    this.output += text;
    if (this.output.length > OUTPUT_LIMIT) throw new TemplateError('the output is too long');
    return 'next';
  }

  #assign(node: Node & { kind: 'assign' }, dot: unknown, scope: Scope): Flow {
    const value = this.#value(node.value, dot, scope);
    for (const name of node.names) {
      if (node.declare) scope.declare(name, value);
      else scope.assign(name, value);
    }
    return 'next';
  }

  #branch(node: Node & { kind: 'if' | 'with' }, dot: unknown, scope: Scope): Flow {
    const value = this.#value(node.test, dot, scope);
    const inner = new Scope(
      scope,
      node.names.map((name) => [name, value] as const),
    );
    if (!isTrue(value)) return this.nodes(node.otherwise, dot, inner);
    return this.nodes(node.body, node.kind === 'with' ? value : dot, inner);
  }

  #range(node: Node & { kind: 'range' }, dot: unknown, scope: Scope): Flow {
    const entries = entriesOf(this.#value(node.over, dot, scope));
    if (entries.length === 0) return this.nodes(node.otherwise, dot, new Scope(scope));
    for (const [key, value] of entries) {
      const [first, second] = node.names;
      const inner = new Scope(scope);
      if (first !== undefined) inner.declare(first, second === undefined ? value : key);
      if (second !== undefined) inner.declare(second, value);
      if (this.nodes(node.body, value, inner) === 'break') break;
    }
    return 'next';
  }

  #value(expression: Expression, dot: unknown, scope: Scope): unknown {
    switch (expression.kind) {
      case 'literal':
        return expression.value;
      case 'path':
        return fields(this.#start(expression.start, dot, scope), expression.names);
      case 'fields':
        return fields(this.#value(expression.of, dot, scope), expression.names);
      case 'method':
        return this.#method(expression.of, expression.args, dot, scope);
      case 'call':
        return this.#call(expression.name, expression.args, dot, scope, []);
      case 'pipe':
        return this.#pipe(expression.stages, dot, scope);
    }
  }

  #start(start: string, dot: unknown, scope: Scope): unknown {
    if (start === '.') return dot;
    return start === '$' ? this.#root : scope.get(start);
  }

  #pipe([first, ...rest]: readonly Expression[], dot: unknown, scope: Scope): unknown {
    let value = first === undefined ? null : this.#value(first, dot, scope);
    for (const stage of rest) {
      if (stage.kind !== 'call') throw new TemplateError('non executable command in pipeline');
      value = this.#call(stage.name, stage.args, dot, scope, [value]);
    }
    return value;
  }

  #method(of: Expression, args: readonly Expression[], dot: unknown, scope: Scope): unknown {
    const method = this.#value(of, dot, scope);
    if (typeof method !== 'function') throw new TemplateError("can't give argument to non-function");
    const result: unknown = method(...args.map((argument) => this.#value(argument, dot, scope)));
    return result;
  }

  #call(
    name: string,
    args: readonly Expression[],
    dot: unknown,
    scope: Scope,
    piped: readonly unknown[],
  ): unknown {
    if (name === 'and' || name === 'or') return this.#logic(name, args, dot, scope, piped);
    const call = this.#functions.get(name);
    if (call === undefined) throw new TemplateError(`function "${name}" not defined`);
    const given = [...args.map((argument) => this.#value(argument, dot, scope)), ...piped];
    if (given.length === 0) throw new TemplateError(`wrong number of args for ${name}: got 0`);
    return call(...given);
  }

  /** The first argument that decides; later ones are not looked at. */
  #logic(
    name: 'and' | 'or',
    args: readonly Expression[],
    dot: unknown,
    scope: Scope,
    piped: readonly unknown[],
  ): unknown {
    let value: unknown = piped[0];
    for (const argument of args) {
      value = this.#value(argument, dot, scope);
      if (isTrue(value) === (name === 'or')) return value;
    }
    return piped.length > 0 ? piped[0] : value;
  }
}

function fields(value: unknown, names: readonly string[]): unknown {
  let current = value;
  for (const name of names) {
    if (current === null || current === undefined) throw new TemplateError(`nil pointer evaluating .${name}`);
    if (!isObject(current))
      throw new TemplateError(
        `can't evaluate field ${name} in type ${Array.isArray(current) ? 'list' : typeof current}`,
      );
    if (!Object.hasOwn(current, name)) throw new TemplateError(`map has no entry for key "${name}"`);
    current = current[name];
  }
  return current;
}

function entriesOf(value: unknown): readonly (readonly [unknown, unknown])[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.map((item: unknown, at) => [at, item] as const);
  if (isObject(value))
    return Object.keys(value)
      .toSorted()
      .map((key) => [key, value[key]] as const);
  throw new TemplateError(`range can't iterate over ${printedTop(value)}`);
}
