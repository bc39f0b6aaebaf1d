import { TemplateError } from './template-error.ts';
import { isObject, isTrue, lengthOf, printed, sortedJson } from './values.ts';

export type TemplateFunction = (...args: readonly unknown[]) => unknown;
export type FunctionTable = ReadonlyMap<string, TemplateFunction>;

/** The functions of Go's text/template and those that docker adds (docs.docker.com, "Format command and log output"). */
export const FUNCTIONS: FunctionTable = new Map<string, TemplateFunction>([
  ['json', (value) => sortedJson(value)],
  ['split', (value, separator) => text(value).split(text(separator))],
  ['join', (values, separator) => listOf(values).map(printed).join(text(separator))],
  [
    'title',
    (value) =>
      text(value).replaceAll(
        /(^|\s)(\S)/g,
        (_all, space: string, letter: string) => space + letter.toUpperCase(),
      ),
  ],
  ['lower', (value) => text(value).toLowerCase()],
  ['upper', (value) => text(value).toUpperCase()],
  [
    'pad',
    (value, before, after) =>
      text(value) === '' ? '' : ' '.repeat(count(before)) + text(value) + ' '.repeat(count(after)),
  ],
  ['truncate', (value, length) => Array.from(text(value)).slice(0, count(length)).join('')],
  ['println', (...values) => `${values.map(printed).join(' ')}\n`],
  ['print', (...values) => print(values)],
  ['printf', (format, ...values) => formatted(text(format), values)],
  ['len', (value) => lengthOf(value)],
  ['index', (value, ...keys) => keys.reduce(indexed, value)],
  ['slice', (value, from, to) => sliced(value, from, to)],
  ['not', (value) => !isTrue(value)],
  ['eq', (value, ...others) => others.some((other) => compare(value, other) === 0)],
  ['ne', (a, b) => compare(a, b) !== 0],
  ['lt', (a, b) => ordered(a, b) < 0],
  ['le', (a, b) => ordered(a, b) <= 0],
  ['gt', (a, b) => ordered(a, b) > 0],
  ['ge', (a, b) => ordered(a, b) >= 0],
  ['html', (value) => printed(value).replaceAll(/[&<>'"]/g, (sign) => `&#${sign.charCodeAt(0)};`)],
  ['urlquery', (value) => encodeURIComponent(printed(value))],
]);

/** For the header row of a table: data functions let the column's title pass. */
export const HEADER_FUNCTIONS: FunctionTable = new Map<string, TemplateFunction>([
  ...FUNCTIONS,
  ...['json', 'split', 'join', 'title', 'lower', 'upper', 'pad', 'truncate'].map(
    (name): [string, TemplateFunction] => [name, (value) => value],
  ),
]);

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TemplateError(`wrong type for value; expected string; got ${nameOf(value)}`);
}

function count(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 65_536) return value;
  throw new TemplateError(`wrong type for value; expected int; got ${nameOf(value)}`);
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value === null || value === undefined) return [];
  throw new TemplateError(`wrong type for value; expected []string; got ${nameOf(value)}`);
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return 'nil';
  if (Array.isArray(value)) return 'list';
  return typeof value === 'object' ? 'map' : typeof value;
}

function indexed(value: unknown, key: unknown): unknown {
  if (Array.isArray(value)) {
    const at = count(key);
    if (at >= value.length) throw new TemplateError(`error calling index: index out of range: ${at}`);
    return value[at];
  }
  // As Go: a key that a map lacks gives the zero value, not an error.
  if (isObject(value)) return Object.hasOwn(value, String(key)) ? value[String(key)] : '';
  throw new TemplateError(`error calling index: can't index item of type ${nameOf(value)}`);
}

function sliced(value: unknown, from: unknown, to: unknown): unknown {
  const whole = typeof value === 'string' || Array.isArray(value) ? value : text(value);
  const end = to === undefined ? whole.length : count(to);
  const start = from === undefined ? 0 : count(from);
  if (start > end || end > whole.length)
    throw new TemplateError(`error calling slice: index out of range: ${end}`);
  return whole.slice(start, end);
}

function compare(a: unknown, b: unknown): number {
  if (typeof a !== typeof b && a !== null && b !== null) {
    throw new TemplateError('error calling eq: incompatible types for comparison');
  }
  return a === b ? 0 : 1;
}

function ordered(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : Number(a > b);
  throw new TemplateError('error calling lt: incompatible types for comparison');
}

/** As Go's fmt.Sprint: a space between operands when neither is a string. */
function print(values: readonly unknown[]): string {
  let result = '';
  values.forEach((value, at) => {
    if (at > 0 && typeof value !== 'string' && typeof values[at - 1] !== 'string') result += ' ';
    result += printed(value);
  });
  return result;
}

/** The verbs s, v, d, q, t, f, x, % with width, precision and `-`. */
function formatted(format: string, values: readonly unknown[]): string {
  let next = 0;
  return format.replaceAll(
    /%([-0]?)(\d{0,3})(?:\.(\d{1,2}))?([a-zA-Z%])/g,
    (_all, flag: string, width: string, precision: string | undefined, verb: string) => {
      if (verb === '%') return '%';
      if (next >= values.length) return `%!${verb}(MISSING)`;
      const shown = verbText(verb, values[next++], precision === undefined ? null : Number(precision));
      if (flag === '-') return shown.padEnd(Number(width));
      return shown.padStart(Number(width), flag === '0' ? '0' : ' ');
    },
  );
}

function verbText(verb: string, value: unknown, precision: number | null): string {
  switch (verb) {
    case 's':
      return precision === null ? printed(value) : printed(value).slice(0, precision);
    case 'q':
      return JSON.stringify(printed(value));
    case 'f':
      return typeof value === 'number' ? value.toFixed(precision ?? 6) : `%!f(${nameOf(value)})`;
    case 'x':
      return typeof value === 'number' ? value.toString(16) : Buffer.from(printed(value)).toString('hex');
    case 'v':
    case 'd':
    case 't':
      return printed(value);
    default:
      return `%!${verb}(${nameOf(value)})`;
  }
}
