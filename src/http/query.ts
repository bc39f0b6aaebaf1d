import { refuseNul } from './json-body.ts';
import { parseTimestamp } from '../lib/timestamp.ts';
import { HullError } from '../model/errors.ts';
import { parseBoundedJson } from '../lib/bounded-json.ts';

const MOST_PARAMETERS = 10_000;

/** The query string of a request, typed. Every method throws `invalid-argument` naming the parameter. */
export class Query {
  readonly #values: URLSearchParams;

  /** `search`: without the question mark; may be empty. Throws `invalid-argument` where it has a NUL character or a malformed escape. */
  constructor(search: string) {
    const wrong = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(search)?.[0];
    // In the words of Docker's daemon.
    if (wrong !== undefined)
      throw new HullError('invalid-argument', `invalid URL escape ${JSON.stringify(wrong)}`);
    if (search.includes('%00')) throw new HullError('invalid-argument', 'the query has a NUL character');
    this.#values = new URLSearchParams(search);
    if (this.#values.size > MOST_PARAMETERS)
      throw new HullError('invalid-argument', `the query has more than ${MOST_PARAMETERS} parameters`);
  }

  /** The first value, as Go servers take it. Undefined where absent. */
  text(name: string): string | undefined {
    return this.#values.get(name) ?? undefined;
  }

  /** As `text`; the empty string counts as absent. */
  nonEmpty(name: string): string | undefined {
    const value = this.text(name);
    return value === '' ? undefined : value;
  }

  all(name: string): readonly string[] {
    return this.#values.getAll(name);
  }

  /** Docker's truth: everything but absent, empty, `0`, `no`, `false` and `none` is true. */
  flag(name: string, fallback = false): boolean {
    const value = this.text(name);
    if (value === undefined) return fallback;
    return !['', '0', 'no', 'false', 'none'].includes(value.trim().toLowerCase());
  }

  /** A decimal integer. */
  integer(name: string): number | undefined {
    const value = this.nonEmpty(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (!/^[+-]?\d+$/.test(value) || !Number.isSafeInteger(number)) {
      throw new HullError(
        'invalid-argument',
        `query parameter "${name}": expected an integer, got "${value}"`,
      );
    }
    return number;
  }

  /** A time in nanoseconds since the epoch; written as Unix seconds with an optional fraction, or as RFC 3339. Zero and absent are null. */
  time(name: string): bigint | null {
    const value = this.nonEmpty(name);
    if (value === undefined || value === '0') return null;
    const time = parseTimestamp(value);
    if (time === null) {
      throw new HullError(
        'invalid-argument',
        `query parameter "${name}": expected Unix seconds or an RFC 3339 time, got "${value}"`,
      );
    }
    return time;
  }

  /** A JSON value; undefined where absent or empty. */
  json(name: string): unknown {
    const value = this.nonEmpty(name);
    if (value === undefined) return undefined;
    refuseNul(`query parameter "${name}"`, value);
    try {
      return parseBoundedJson(value);
    } catch (error) {
      throw new HullError(
        'invalid-argument',
        `query parameter "${name}": not valid JSON: ${value.slice(0, 200)}`,
        {
          cause: error,
        },
      );
    }
  }

  /** A JSON object of strings; null values are left out (Docker's build arguments have them). */
  strings(name: string): Readonly<Record<string, string>> {
    const value = this.json(name) ?? {};
    const entries: [string, string][] = [];
    for (const [key, text] of Object.entries(asObject(name, value))) {
      if (text === null) continue;
      if (typeof text !== 'string') {
        throw new HullError('invalid-argument', `query parameter "${name}.${key}": expected a string`);
      }
      entries.push([key, text]);
    }
    return Object.fromEntries(entries);
  }
}

function asObject(name: string, value: unknown): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HullError('invalid-argument', `query parameter "${name}": expected a JSON object`);
  }
  return value;
}
