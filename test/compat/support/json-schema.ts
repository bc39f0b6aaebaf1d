import Ajv, { type ValidateFunction } from 'ajv';
import { definition, type DefinedRoute } from './definition.ts';

/** What an answer of a route must look like, by the definition. */
export class AnswerSchemas {
  readonly #ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, logger: false });

  constructor() {
    if (definition === null) throw new Error('there is no definition');
    this.#ajv.addSchema({ $id: 'api', definitions: jsonSchema(definition.document.definitions) });
  }

  /** Null where the definition says nothing of the body. */
  of(route: DefinedRoute, status: number): ValidateFunction | null {
    const schema = route.operation.responses[String(status)]?.schema;
    return schema === undefined ? null : this.#ajv.compile(jsonSchema(schema) as object);
  }

  /** The failures of a value, e.g. `/HostConfig/Memory must be integer`. */
  failures(validate: ValidateFunction, value: unknown): readonly string[] {
    if (validate(value)) return [];
    return (
      (validate.errors ?? [])
        // Of what may be null, only what is wrong otherwise is of interest.
        .filter(({ keyword, message }) => keyword !== 'anyOf' && message !== 'must be null')
        .map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`)
    );
  }
}

/**
 * Swagger 2.0's schemas as JSON Schema: `x-nullable`, references into one document; examples are left out. Docker's daemon is written in
 * Go, where a list that was never made is null: that is allowed everywhere, as clients have to.
 */
function jsonSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(jsonSchema);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(([key]) => key !== 'example' && key !== 'examples')
    .map(([key, each]) => [key, key === '$ref' ? `api${String(each)}` : jsonSchema(each)] as const);
  const schema = Object.fromEntries(entries) as Record<string, unknown>;
  const lists = schema['type'] === 'array' || schema['type'] === 'object';
  if (schema['x-nullable'] !== true && !lists) return schema;
  return { anyOf: [schema, { type: 'null' }] };
}
