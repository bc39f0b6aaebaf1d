import { getDotPath, safeParse } from 'valibot';
import type { BaseIssue, BaseSchema, InferOutput } from 'valibot';
import { HullError } from '../model/errors.ts';

type AnySchema = BaseSchema<unknown, unknown, BaseIssue<unknown>>;

/** Bytes of a JSON body that are read at most. */
export const MAX_JSON_BYTES = 16 * 1024 * 1024;

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

/** Parses and checks a JSON body. Throws `invalid-argument` naming the first field that is wrong. */
export function parseJson<const Schema extends AnySchema>(schema: Schema, text: string): InferOutput<Schema> {
  refuseNul("the request's body", text);
  let value: unknown;
  try {
    value = text.trim() === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw new HullError(
      'invalid-argument',
      `the request's body is not valid JSON: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
  return parseValue(schema, value);
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
  const result = safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = getDotPath(issue) ?? '(body)';
  const expected =
    issue.expected === null ? issue.message : `expected ${issue.expected}, got ${issue.received}`;
  throw new HullError('invalid-argument', `invalid value for "${path}": ${expected}`, {
    details: { field: path },
  });
}
