import { API_VERSION, MIN_API_VERSION } from '../../api/docker.ts';
import type { EngineApi } from '../engine/api.ts';
import { HullError } from '../model/errors.ts';
import type { Exchange } from './exchange.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';

/** Answers one request. What it throws becomes the error answer, unless it has begun to answer. */
export type Handler = (engine: EngineApi, exchange: Exchange) => Promise<void> | void;

/**
 * One row of a resource's table. In `path`, `:id` is one segment and `*name` one or more (image names have slashes):
 * `/containers/:id/json`, `/images/*name/history`.
 */
export interface Route {
  readonly method: Method;
  readonly path: string;
  readonly handler: Handler;
}

export interface Match {
  readonly handler: Handler;
  readonly params: Readonly<Record<string, string>>;
}

interface CompiledRoute {
  readonly pattern: RegExp;
  readonly handler: Handler;
}

/** Finds the handler of a path without version prefix. Routes are tried in their order. */
export class Router {
  /** By method and first segment, so that few patterns are tried. */
  readonly #routes = new Map<string, CompiledRoute[]>();

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const key = tableKey(route.method, route.path);
      const rows = this.#routes.get(key) ?? [];
      rows.push({ pattern: compile(route.path), handler: route.handler });
      this.#routes.set(key, rows);
    }
  }

  find(method: string, path: string): Match | null {
    for (const route of this.#routes.get(tableKey(method, path)) ?? []) {
      const found = route.pattern.exec(path);
      if (found !== null) return { handler: route.handler, params: decodeParams(found.groups) };
    }
    return null;
  }
}

function tableKey(method: string, path: string): string {
  const end = path.indexOf('/', 1);
  return `${method} ${end === -1 ? path : path.slice(0, end)}`;
}

function compile(path: string): RegExp {
  const source = path
    .replaceAll(/[.+]/g, String.raw`\$&`)
    .replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')
    .replaceAll(/\*(\w+)/g, '(?<$1>.+?)');
  return new RegExp(`^${source}$`);
}

const NO_PARAMS: Readonly<Record<string, string>> = {};

function decodeParams(groups: Record<string, string> | undefined): Readonly<Record<string, string>> {
  if (groups === undefined) return NO_PARAMS;
  const params: Record<string, string> = {};
  for (const [name, value] of Object.entries(groups)) params[name] = decodeComponent(value);
  return params;
}

function decodeComponent(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw new HullError('invalid-argument', `the path is not valid: "${value}" has a malformed %-escape`);
  }
}

const MINOR = (version: string) => Number(version.slice(2));

/**
 * Splits `/v1.41/info` into its path and API version (the minor number; the newest where absent). Throws
 * `invalid-argument` for versions that are not spoken, in the words that Docker's clients look for.
 */
export function splitVersion(path: string): { path: string; apiMinor: number } {
  const found = /^\/v(\d+)\.(\d+)(?=\/|$)/.exec(path);
  if (found === null) return { path, apiMinor: MINOR(API_VERSION) };
  const asked = `${found[1]}.${found[2]}`;
  const minor = found[1] === '1' ? Number(found[2]) : Number(found[1]) * 1000;
  if (minor > MINOR(API_VERSION)) {
    throw new HullError(
      'invalid-argument',
      `client version ${asked} is too new. Maximum supported API version is ${API_VERSION}`,
    );
  }
  if (minor < MINOR(MIN_API_VERSION)) {
    throw new HullError(
      'invalid-argument',
      `client version ${asked} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    );
  }
  return { path: path.slice(found[0].length), apiMinor: minor };
}
