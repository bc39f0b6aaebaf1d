import { nearest } from '../../lib/nearest.ts';
import { HelpRequest, UsageError } from '../usage-error.ts';
import type { Flag, Flags, Values } from './flag.ts';

export interface ParsedFlags<F extends Flags> {
  readonly values: Values<F>;
  readonly args: readonly string[];
  /** Long names of the flags that were given. */
  readonly given: ReadonlySet<string>;
}

/**
 * Parses in the manner of docker's command line: `--name value`, `--name=value`, `-n value`, `-nvalue`, `-n=value`, joined
 * short flags (`-it`), `--` ends the flags. With `passThrough` the first plain argument ends them too, so that what follows
 * belongs to the workload. Throws `UsageError` that names the flag, and `HelpRequest` for `--help` among the flags.
 */
export function parseFlags<F extends Flags>(
  flags: F,
  argv: readonly string[],
  options: { passThrough?: boolean } = {},
): ParsedFlags<F> {
  const parser = new Parser(flags, argv);
  parser.run(options.passThrough === true);
  return { values: parser.values as Values<F>, args: parser.args, given: parser.given };
}

interface Named {
  readonly name: string;
  readonly flag: Flag<unknown>;
}

class Parser {
  readonly values: Record<string, unknown>;
  readonly args: string[] = [];
  readonly given = new Set<string>();
  readonly #flags: Flags;
  readonly #argv: readonly string[];
  #at = 0;

  constructor(flags: Flags, argv: readonly string[]) {
    this.#flags = flags;
    this.#argv = argv;
    this.values = Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, flag.initial]));
  }

  run(passThrough: boolean): void {
    while (this.#at < this.#argv.length) {
      const word = this.#argv[this.#at] ?? '';
      this.#at += 1;
      if (word === '--') return this.#rest();
      if (word.startsWith('--')) this.#long(word.slice(2));
      else if (word.startsWith('-') && word !== '-') this.#shorts(word);
      else {
        this.args.push(word);
        if (passThrough) return this.#rest();
      }
    }
  }

  #rest(): void {
    this.args.push(...this.#argv.slice(this.#at));
    this.#at = this.#argv.length;
  }

  #long(word: string): void {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const found = this.#byLongName(name);
    if (found === null && name === 'help') throw new HelpRequest();
    if (found === null) throw new UsageError(`unknown flag: --${name}${this.#didYouMean(name)}`);
    if (equals >= 0) this.#set(found, word.slice(equals + 1));
    else this.#set(found, found.flag.boolean ? 'true' : this.#next(`--${name}`));
  }

  #didYouMean(name: string): string {
    const close = nearest(name, Object.keys(this.#flags));
    return close === null ? '' : `; did you mean --${close}?`;
  }

  #shorts(word: string): void {
    for (let index = 1; index < word.length; index += 1) {
      const letter = word[index] ?? '';
      const found = this.#byShortName(letter);
      if (found === null) throw new UsageError(`unknown shorthand flag: '${letter}' in ${word}`);
      const rest = word.slice(index + 1);
      if (rest.startsWith('=')) return this.#set(found, rest.slice(1));
      if (!found.flag.boolean) return this.#set(found, rest !== '' ? rest : this.#next(`-${letter}`));
      this.#set(found, 'true');
    }
  }

  #next(shown: string): string {
    const value = this.#argv[this.#at];
    if (value === undefined) throw new UsageError(`flag needs an argument: ${shown}`);
    this.#at += 1;
    return value;
  }

  #set({ name, flag }: Named, value: string): void {
    try {
      this.values[name] = flag.parse(value, this.values[name]);
    } catch (error) {
      const shown = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
      const why = error instanceof Error ? error.message : String(error);
      throw new UsageError(`invalid argument ${JSON.stringify(value)} for ${shown}: ${why}`);
    }
    this.given.add(name);
  }

  #byLongName(name: string): Named | null {
    const flag = Object.hasOwn(this.#flags, name) ? this.#flags[name] : undefined;
    if (flag !== undefined) return { name, flag };
    return this.#find((one) => one.aliases?.includes(name) === true);
  }

  #byShortName(letter: string): Named | null {
    return this.#find((one) => one.short === letter);
  }

  #find(matches: (flag: Flag<unknown>) => boolean): Named | null {
    for (const [name, flag] of Object.entries(this.#flags)) if (matches(flag)) return { name, flag };
    return null;
  }
}
