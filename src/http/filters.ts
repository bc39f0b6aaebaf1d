import { HullError, messageOf } from '../model/errors.ts';
import { refuseNul } from './json-body.ts';
import type { Query } from './query.ts';
import { parseBoundedJson } from '../lib/bounded-json.ts';

/** Every value is held against every instance, image or event. */
const LIMITS = { depth: 3, entries: 1000, values: 2000 } as const;

/**
 * Docker's `filters` parameter: for each name, the values of which one must match (for labels: all). Read from both shapes
 * that clients send: `{"label":["a"]}` and the older `{"label":{"a":true}}`.
 */
export class Filters {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /** Throws `invalid-argument` for a malformed parameter, and for names not in `known`. */
  static read(query: Query, known: readonly string[]): Filters {
    return Filters.of(parseFilters(query.nonEmpty('filters')), known);
  }

  static of(value: unknown, known: readonly string[]): Filters {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw malformed('expected a JSON object');
    const values = new Map<string, readonly string[]>();
    for (const [name, raw] of Object.entries(value)) {
      if (!known.includes(name)) {
        // In the words of Docker's daemon.
        throw new HullError('invalid-argument', `invalid filter '${name}'`);
      }
      values.set(name, filterValues(name, raw));
    }
    return new Filters(values);
  }

  has(name: string): boolean {
    return this.get(name).length > 0;
  }

  get(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** No such filter, or one of its values satisfies `test`. */
  any(name: string, test: (value: string) => boolean): boolean {
    const values = this.get(name);
    return values.length === 0 || values.some(test);
  }

  /** The filter's truth value; undefined where absent. As Docker's daemon, which refuses every other word, and both at once. */
  flag(name: string): boolean | undefined {
    const values = this.get(name);
    if (values.length === 0) return undefined;
    const isTrue = values.some((value) => value === '1' || value === 'true');
    const isFalse = values.some((value) => value === '0' || value === 'false');
    if (isTrue !== isFalse) return isTrue;
    throw new HullError('invalid-argument', `invalid filter '${name}=[${values.join(' ')}]'`);
  }

  /** Every `label` filter matches: `key`, or `key=value`. */
  labels(labels: Readonly<Record<string, string>>, name = 'label'): boolean {
    return this.get(name).every((wanted) => {
      const split = wanted.indexOf('=');
      const key = split === -1 ? wanted : wanted.slice(0, split);
      if (!Object.hasOwn(labels, key)) return false;
      return split === -1 || labels[key] === wanted.slice(split + 1);
    });
  }
}

function parseFilters(text: string | undefined): unknown {
  if (text === undefined) return {};
  refuseNul('query parameter "filters"', text);
  try {
    return parseBoundedJson(text, LIMITS) ?? {};
  } catch (error) {
    throw malformed(error instanceof SyntaxError ? 'expected JSON' : messageOf(error));
  }
}

function filterValues(name: string, raw: unknown): readonly string[] {
  if (raw === null) return [];
  if (Array.isArray(raw)) {
    if (!raw.every((value): value is string => typeof value === 'string')) {
      throw malformed(`${name}: expected strings`);
    }
    return raw;
  }
  if (typeof raw !== 'object') throw malformed(`${name}: expected a list or an object`);
  return Object.entries(raw).flatMap(([value, wanted]: [string, unknown]) => {
    if (typeof wanted !== 'boolean') throw malformed(`${name}.${value}: expected true or false`);
    return wanted ? [value] : [];
  });
}

function malformed(why: string): HullError {
  return new HullError('invalid-argument', `invalid filter: query parameter "filters": ${why}`);
}
