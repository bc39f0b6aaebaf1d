import { getDotPath, safeParse } from 'valibot';
import type { BaseIssue, BaseSchema, InferOutput } from 'valibot';
import { HullError, messageOf } from '../model/errors.ts';
import { parseBoundedJson } from '../lib/bounded-json.ts';

type AnySchema = BaseSchema<unknown, unknown, BaseIssue<unknown>>;

/** Bytes of a JSON body that are read at most. */
const MAX_JSON_BYTES = 4 * 1024 * 1024;

/** What is read of a body that is too large, in limits: a client that still writes when it is cut off does not see the answer. */
const DISCARDED_LIMITS = 16;

/** Reads a body to its end. Throws `invalid-argument` when it is larger than `limit`. */
export async function readLimited(body: AsyncIterable<Uint8Array>, limit = MAX_JSON_BYTES): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size <= limit) chunks.push(chunk);
    else chunks.length = 0;
    if (size > limit * DISCARDED_LIMITS) break;
  }
  if (size > limit)
    throw new HullError('invalid-argument', `the request's body is larger than ${limit} bytes`);
  return Buffer.concat(chunks).toString('utf8');
}

/** Throws `invalid-argument` for a body that says it is no JSON: in the words of Docker's daemon. What says nothing is tried. */
export function checkJsonType(contentType: string | undefined): void {
  if (contentType === undefined || /^\s*application\/json\s*(;|$)/i.test(contentType)) return;
  throw new HullError(
    'invalid-argument',
    `unsupported Content-Type header (${contentType}): must be 'application/json'`,
  );
}

/** Parses and checks a JSON body; an empty one and `null` count as `{}`. Throws `invalid-argument` naming the first field that is wrong. */
export function parseJson<const Schema extends AnySchema>(schema: Schema, text: string): InferOutput<Schema> {
  refuseNul("the request's body", text);
  let value: unknown;
  try {
    value = text.trim() === '' ? {} : parseBoundedJson(text);
  } catch (error) {
    throw new HullError('invalid-argument', `invalid JSON: ${messageOf(error)}`, { cause: error });
  }
  return parseValue(schema, value ?? {});
}

/** No path, name, argument or variable can have one: the kernel would take what stands before it. Throws `invalid-argument`. */
export function refuseNul(what: string, json: string): void {
  if (/(?<!\\)(?:\\\\)*\\u0000/.test(json))
    throw new HullError('invalid-argument', `${what} has a NUL character`);
}

/** Checks a value against a schema. */
export function parseValue<const Schema extends AnySchema>(
  schema: Schema,
  value: unknown,
): InferOutput<Schema> {
  refuseLists(schema, value, '');
  const result = safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const expected =
    issue.expected === null ? issue.message : `expected ${issue.expected}, got ${issue.received}`;
  throw wrongType(getDotPath(issue) ?? '', expected);
}

/** What a schema is made of, as far as `refuseLists` follows it. */
interface SchemaParts {
  readonly type: string;
  readonly entries?: Readonly<Record<string, SchemaParts>>;
  readonly wrapped?: SchemaParts;
  readonly item?: SchemaParts;
  readonly value?: SchemaParts;
}

/** Valibot takes a list for an object without fields; it is none. */
function refuseLists(schema: SchemaParts, value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null) return;
  if (schema.wrapped !== undefined) return refuseLists(schema.wrapped, value, path);
  const inside = (name: string | number): string => (path === '' ? String(name) : `${path}.${name}`);
  if (Array.isArray(value)) {
    if (schema.entries !== undefined || schema.type === 'record')
      throw wrongType(path, 'expected Object, got Array');
    if (schema.item !== undefined)
      for (const [index, one] of value.entries()) refuseLists(schema.item, one, inside(index));
    return;
  }
  for (const [name, one] of Object.entries(value)) {
    const part = schema.type === 'record' ? schema.value : own(schema.entries, name);
    if (part !== undefined) refuseLists(part, one, inside(name));
  }
}

function own<T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

function wrongType(path: string, what: string): HullError {
  const field = path === '' ? '(body)' : path;
  return new HullError('invalid-argument', `invalid value for "${field}": ${what}`, { details: { field } });
}
