/** What one flag takes and how it is shown. `T` is what the command gets. */
export interface Flag<T> {
  readonly summary: string;
  /** One letter, without the dash. */
  readonly short?: string;
  /** Other long names that mean the same. */
  readonly aliases?: readonly string[];
  /** Shown in help after the name; absent for flags that take no value. */
  readonly placeholder?: string;
  /** Takes no value: given alone it means `true`. `--flag=false` works too. */
  readonly boolean: boolean;
  readonly initial: T;
  /** Shown in help. */
  readonly shownDefault?: string;
  readonly complete?: Completion;
  /** `previous` is what was given before, or `initial`. Throws an Error that says what is wrong with the value. */
  parse(value: string, previous: T): T;
}

/** What a shell offers for a value: words, or names that the engine knows. */
export type Completion =
  'instances' | 'running' | 'images' | 'machines' | 'volumes' | 'networks' | 'files' | readonly string[];

/** By long name. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

/** What a command gets for its flags. */
export type Values<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

interface Common {
  readonly short?: string;
  readonly aliases?: readonly string[];
}

interface WithValue extends Common {
  readonly placeholder?: string;
  readonly shownDefault?: string;
  readonly complete?: Completion;
}

/** On or off. */
export function bool(summary: string, options: Common = {}): Flag<boolean> {
  return { summary, ...options, boolean: true, initial: false, parse: parseBoolean };
}

/** On, off, or not said. */
export function maybe(summary: string, options: Common = {}): Flag<boolean | undefined> {
  return { summary, ...options, boolean: true, initial: undefined, parse: parseBoolean };
}

/** One text; the last one counts. */
export function text(summary: string, options: WithValue = {}): Flag<string | undefined> {
  return {
    summary,
    placeholder: 'string',
    ...options,
    boolean: false,
    initial: undefined,
    parse: (value) => value,
  };
}

/** One of a few words. */
export function choice<const W extends string>(
  summary: string,
  words: readonly W[],
  options: WithValue = {},
): Flag<W | undefined> {
  const parse = (value: string): W => {
    const word = words.find((one) => one === value);
    if (word === undefined) throw new Error(`it must be one of ${words.join(', ')}`);
    return word;
  };
  return {
    summary,
    placeholder: 'string',
    complete: words,
    ...options,
    boolean: false,
    initial: undefined,
    parse,
  };
}

/** May be given many times. */
export function list(summary: string, options: WithValue = {}): Flag<readonly string[]> {
  const parse = (value: string, previous: readonly string[]) => [...previous, value];
  return { summary, placeholder: 'list', ...options, boolean: false, initial: [], parse };
}

/** A value that `parse` understands, such as a size or a number; the last one counts. */
export function parsed<T>(
  summary: string,
  parse: (value: string) => T,
  options: WithValue = {},
): Flag<T | undefined> {
  return { summary, placeholder: 'value', ...options, boolean: false, initial: undefined, parse };
}

/** As `list`, each value understood by `parse`. */
export function parsedList<T>(
  summary: string,
  parse: (value: string) => T,
  options: WithValue = {},
): Flag<readonly T[]> {
  const one = (value: string, previous: readonly T[]) => [...previous, parse(value)];
  return { summary, placeholder: 'list', ...options, boolean: false, initial: [], parse: one };
}

/** A whole number. */
export function integer(summary: string, options: WithValue = {}): Flag<number | undefined> {
  return parsed(summary, parseInteger, { placeholder: 'int', ...options });
}

function parseInteger(value: string): number {
  if (!/^[+-]?\d{1,15}$/.test(value)) throw new Error('it must be a whole number');
  return Number(value);
}

/** The words of Go's strconv.ParseBool, which docker takes. */
function parseBoolean(value: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false;
  throw new Error('it must be true or false');
}
