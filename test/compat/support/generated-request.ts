import fc from 'fast-check';
import { definition, type DefinedRoute, type Parameter } from './definition.ts';

/** A request to a route of the definition, partly as it should be, partly not at all. */
export interface GeneratedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** What exists when the requests are sent, beside names that mean nothing. */
export const KNOWN_NAMES = ['grun', 'gdone', 'busybox', 'gnet', 'gvol', 'bridge'];

const text = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      ...KNOWN_NAMES,
      '',
      '0',
      '-1',
      '1',
      'true',
      '..',
      '../..',
      '/',
      'a/b',
      '%00',
      '💥',
      '*',
    ),
  },
  { weight: 2, arbitrary: fc.string({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ minLength: 2000, maxLength: 5000 }) },
);
const scalar = fc.oneof(
  text,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(9_007_199_254_740_992, -1, 2 ** 31, 1e308),
);
const anything = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(fc.string({ maxLength: 8 }), scalar, { maxKeys: 3 }),
  fc.jsonValue({ maxDepth: 2 }),
);

interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly enum?: readonly unknown[];
  readonly example?: unknown;
}

/** A value that a schema describes; now and then something else, at any depth. */
function valueOf(schema: Schema | undefined, depth = 0): fc.Arbitrary<unknown> {
  if (schema === undefined || depth > 4) return anything;
  const right = rightValue(schema, depth);
  return fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: anything });
}

function rightValue(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return valueOf(resolve(schema.$ref), depth + 1);
  if (schema.allOf !== undefined) {
    return fc
      .tuple(...schema.allOf.map((part) => valueOf(part, depth)))
      .map((parts) => Object.assign({}, ...parts.filter((part) => typeof part === 'object')) as unknown);
  }
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const example = schema.example === undefined ? [] : [fc.constant(schema.example)];
  switch (schema.type) {
    case 'integer':
    case 'number':
      return fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.integer(), ...example);
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.oneof(fc.array(valueOf(schema.items, depth + 1), { maxLength: 2 }), ...example);
    case 'string':
      return fc.oneof(text, ...example);
    default:
      return objectOf(schema, depth);
  }
}

function objectOf(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  if (schema.properties !== undefined) {
    const fields = Object.entries(schema.properties);
    return fc
      .subarray(fields, { maxLength: Math.min(6, fields.length) })
      .chain((chosen) =>
        fc.record(Object.fromEntries(chosen.map(([name, field]) => [name, valueOf(field, depth + 1)]))),
      );
  }
  const values = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  return fc.dictionary(
    fc.oneof(fc.string({ maxLength: 10 }), fc.constantFrom('80/tcp', '/data')),
    valueOf(values, depth + 1),
    {
      maxKeys: 2,
    },
  );
}

function resolve(reference: string): Schema | undefined {
  return definition?.document.definitions[reference.replace('#/definitions/', '')] as Schema | undefined;
}

/** Requests to the route. */
export function requestTo({ method, path, operation }: DefinedRoute): fc.Arbitrary<GeneratedRequest> {
  const parameters = operation.parameters ?? [];
  const of = (place: Parameter['in']) => parameters.filter((parameter) => parameter.in === place);
  const values = fc.record(Object.fromEntries(of('path').map(({ name }) => [name, text])));
  const query = fc
    .subarray(of('query'))
    .chain((chosen) =>
      fc.record(Object.fromEntries(chosen.map((parameter) => [parameter.name, queryValue(parameter)]))),
    );
  const [described] = of('body');
  const body =
    described === undefined
      ? fc.constantFrom(undefined, undefined, '{}', 'no JSON')
      : fc.oneof(
          {
            weight: 10,
            arbitrary: valueOf(described.schema as Schema).map((value) => JSON.stringify(value)),
          },
          {
            weight: 1,
            arbitrary: fc.constantFrom(undefined, '', '{', '[]', 'null', '"', '\0', '{"a":'.repeat(2000)),
          },
        );
  const headers = fc
    .subarray(of('header'))
    .chain((chosen) =>
      fc.record(Object.fromEntries(chosen.map(({ name }) => [name, fc.stringMatching(/^[ -~]{0,60}$/)]))),
    );
  const version = fc.constantFrom('', '/v1.24', '/v1.41', '/v1.51');
  return fc.record({ values, query, body, headers, version }).map((made) => ({
    method,
    path: `${made.version}${fill(path, made.values as Record<string, string>)}?${queryText(made.query)}`,
    headers: made.headers as Record<string, string>,
    body: made.body,
  }));
}

function queryValue({ type, enum: values, name }: Parameter): fc.Arbitrary<unknown> {
  if (name === 'filters') {
    const filter = fc.dictionary(
      fc.constantFrom('label', 'name', 'status', 'id', 'until', 'dangling', 'type', 'nosuch'),
      fc.array(text, { maxLength: 2 }),
      { maxKeys: 2 },
    );
    return fc.oneof(
      filter.map((value) => JSON.stringify(value)),
      text,
    );
  }
  if (values !== undefined) return fc.oneof(fc.constantFrom(...values), text);
  if (type === 'integer') return fc.oneof(fc.integer({ min: -1, max: 100 }), fc.integer(), text);
  if (type === 'boolean') return fc.oneof(fc.boolean(), text);
  return text;
}

function fill(path: string, values: Readonly<Record<string, string>>): string {
  return path.replaceAll(
    /\{(\w+)\}/g,
    (_whole, name: string) => encodeURIComponent(wellFormed(values[name] ?? '')) || '_',
  );
}

function queryText(query: object): string {
  return Object.entries(query)
    .map(([name, value]) => `${name}=${encodeURIComponent(wellFormed(String(value)))}`)
    .join('&');
}

/** Half of a surrogate pair cannot be written in an address. */
function wellFormed(value: string): string {
  return value.toWellFormed();
}
