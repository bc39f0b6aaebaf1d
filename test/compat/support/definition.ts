import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header' | 'body';
  readonly required?: boolean;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly schema?: unknown;
}

export interface Operation {
  readonly operationId?: string;
  readonly parameters?: readonly Parameter[];
  readonly responses: Readonly<Record<string, { readonly schema?: unknown }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly definitions: Readonly<Record<string, unknown>>;
}

/** One route of the definition, e.g. `GET /containers/{id}/json`. */
export interface DefinedRoute {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const PATH = join(import.meta.dir, '../../../../shared/spec/docker-engine-api-v1.51.yaml');
const METHODS = ['get', 'head', 'post', 'put', 'delete'];

/** Why the definition cannot be asked; null where it can. */
export const NO_DEFINITION = existsSync(PATH) ? null : 'the definition of the API is not beside the project';

/** Docker's own definition of its API, v1.51, kept outside of the project; null where it is not there. */
export const definition = NO_DEFINITION === null ? read() : null;

function read() {
  const document = parse(readFileSync(PATH, 'utf8')) as Document;
  const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([method]) => METHODS.includes(method))
      .map(([method, operation]): DefinedRoute => ({ method: method.toUpperCase(), path, operation })),
  );
  return { document, routes, fieldNames: fieldNames(document) };
}

/** The name of every field anywhere in the definition. */
function fieldNames(value: unknown, names = new Set<string>()): Set<string> {
  if (typeof value !== 'object' || value === null) return names;
  for (const [key, each] of Object.entries(value)) {
    if (key === 'properties' && typeof each === 'object' && each !== null)
      for (const name of Object.keys(each)) names.add(name);
    fieldNames(each, names);
  }
  return names;
}
