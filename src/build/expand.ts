import { Glob } from '../lib/glob.ts';
import { codesOf } from '../lib/glob-syntax.ts';
import { StepBudget } from '../lib/step-budget.ts';

/** Values that `$NAME` stands for. */
export type Variables = Pick<ReadonlyMap<string, string>, 'get'>;

/** How words are read, and what all words of a blueprint may cost together. */
export interface ExpansionSettings {
  readonly escape: string;
  readonly budget: StepBudget;
}

/** Characters of one blueprint that are expanded, results included. No image has an environment that comes near. */
const MOST_CHARACTERS = 256 * 1024;
/** Steps that a character costs: it takes as long as so many steps of a pattern. */
const CHARACTER = 16;
/** Characters that a word costs beside its own. */
const WORD = 16;
/** `${A:-${B:-…}}`. */
const DEEPEST = 100;

/** With a budget of its own. */
export function expansionSettings(escape = '\\'): ExpansionSettings {
  return { escape, budget: new StepBudget('the expansion of variables', MOST_CHARACTERS * CHARACTER) };
}

/** What is wrong with a word; the caller knows where the word stands. */
export class ExpansionError extends Error {}

/** One expanded word: whole, and split at the blanks that stood outside quotes (or came out of an unquoted variable). */
interface Expanded {
  text: string;
  words: string[];
  current: string;
  open: boolean;
}

/**
 * Removes quotes and escapes and puts in variables, as Docker does for its instructions: `$X`, `${X}`, `${X:-default}`, `${X:+alternative}`,
 * `${X:?message}` (and without the colon), `${X#pattern}`, `${X##pattern}`, `${X%pattern}`, `${X%%pattern}`, `${X/pattern/text}`, `${X//pattern/text}`. Unknown variables are empty.
 * Throws `ExpansionError`.
 */
export function expand(word: string, variables: Variables, settings = expansionSettings()): string {
  return new Expander(word, variables, settings).run().text;
}

/** As `expand`, then split at blanks outside quotes: for EXPOSE and the like, where one variable may hold several words. */
export function expandWords(word: string, variables: Variables, settings = expansionSettings()): string[] {
  return new Expander(word, variables, settings).run().words;
}

/** Expands the text of a heredoc: quotes are ordinary characters there. */
export function expandDocument(text: string, variables: Variables, settings = expansionSettings()): string {
  return new Expander(text, variables, settings, true).run().text;
}

class Expander {
  readonly #characters: readonly string[];
  readonly #variables: Variables;
  readonly #escape: string;
  readonly #budget: StepBudget;
  readonly #document: boolean;
  #at = 0;
  #depth = 0;

  constructor(word: string, variables: Variables, { escape, budget }: ExpansionSettings, document = false) {
    budget.spend((WORD + word.length) * CHARACTER);
    this.#budget = budget;
    this.#characters = Array.from(word);
    this.#variables = variables;
    this.#escape = escape;
    this.#document = document;
  }

  run(): { text: string; words: string[] } {
    const expanded = this.#until(null, false);
    return { text: expanded.text, words: expanded.words };
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #take(): string | undefined {
    const character = this.#characters[this.#at];
    this.#at += 1;
    return character;
  }

  /** Up to `stop`, or to the end. `keepEscapes`: for patterns, which have escapes of their own. */
  #until(stop: string | null, keepEscapes: boolean): Expanded {
    const out: Expanded = { text: '', words: [], current: '', open: false };
    for (let character = this.#peek(); character !== undefined; character = this.#peek()) {
      if (character === stop) {
        this.#at += 1;
        return close(out);
      }
      if (character === '$') add(out, this.#variable(), true);
      else if (character === "'" && !this.#document) add(out, this.#singleQuoted(), false);
      else if (character === '"' && !this.#document) add(out, this.#doubleQuoted(), false);
      else if (character === this.#escape) add(out, this.#escaped(keepEscapes), false);
      else add(out, this.#take() ?? '', true);
    }
    if (stop !== null) throw new ExpansionError(`"${stop}" is missing at the end of a \${…} expression`);
    return close(out);
  }

  #escaped(keep: boolean): string {
    const escape = this.#take() ?? '';
    const next = this.#take();
    if (next === undefined) return '';
    // In a document, only the characters that would otherwise mean something are escaped.
    const literal = this.#document && next !== '$' && next !== this.#escape;
    return keep || literal ? escape + next : next;
  }

  #singleQuoted(): string {
    this.#at += 1;
    let text = '';
    for (let character = this.#take(); character !== "'"; character = this.#take()) {
      if (character === undefined) throw new ExpansionError('a single quote is not closed');
      text += character;
    }
    return text;
  }

  #doubleQuoted(): string {
    this.#at += 1;
    let text = '';
    for (;;) {
      const character = this.#peek();
      if (character === undefined) throw new ExpansionError('a double quote is not closed');
      if (character === '$') {
        text += this.#variable();
        continue;
      }
      this.#at += 1;
      if (character === '"') return text;
      if (character !== this.#escape) {
        text += character;
        continue;
      }
      const next = this.#peek();
      if (next === undefined) continue;
      // Inside double quotes an escape is literal unless it changes what follows.
      if (next !== '"' && next !== '$' && next !== this.#escape) text += character;
      else text += this.#take() ?? '';
    }
  }

  /** One expression at a `$`; those that stand in others' words count once more with each. */
  #variable(): string {
    if (this.#depth === DEEPEST)
      throw new ExpansionError(`expressions stand more than ${DEEPEST} deep in each other`);
    this.#depth += 1;
    const text = this.#dollar();
    this.#depth -= 1;
    this.#budget.spend(text.length * CHARACTER);
    return text;
  }

  #dollar(): string {
    this.#at += 1;
    if (this.#peek() !== '{') {
      const name = this.#name();
      return name === '' ? '$' : (this.#variables.get(name) ?? '');
    }
    this.#at += 1;
    const name = this.#name();
    if (name === '') throw new ExpansionError('${…} has no variable name');
    return this.#operate(name);
  }

  /** A run of letters, digits and `_`; a run of digits; or one of the shell's special characters. */
  #name(): string {
    const first = this.#peek();
    if (first === undefined) return '';
    if ('@*#?-$!'.includes(first)) {
      this.#at += 1;
      return first;
    }
    const part = /^\d$/u.test(first) ? /^\d$/u : /^[\p{L}\p{Nd}_]$/u;
    let name = '';
    for (
      let character = this.#peek();
      character !== undefined && part.test(character);
      character = this.#peek()
    ) {
      name += character;
      this.#at += 1;
    }
    return name;
  }

  #operate(name: string): string {
    const value = this.#variables.get(name);
    let operator = this.#take();
    if (operator === undefined) throw new ExpansionError(`"}" is missing after \${${name}`);
    if (operator === '}') return value ?? '';
    if (operator === '/') return this.#replace(value ?? '');
    const emptyCounts = operator === ':';
    if (emptyCounts) operator = this.#take() ?? '';
    if (!emptyCounts && (operator === '#' || operator === '%')) return this.#trim(value ?? '', operator);
    if (operator !== '-' && operator !== '+' && operator !== '?') {
      throw new ExpansionError(
        `\${${name}${emptyCounts ? ':' : ''}${operator}…} is not an expression that is known here`,
      );
    }
    const word = this.#until('}', false).text;
    const present = value !== undefined && !(emptyCounts && value === '');
    if (operator === '+') return present ? word : '';
    if (present) return value;
    if (operator === '-') return word;
    throw new ExpansionError(
      `${name}: ${word === '' ? `is not allowed to be ${value === undefined ? 'unset' : 'empty'}` : word}`,
    );
  }

  #trim(value: string, operator: string): string {
    const longest = this.#peek() === operator;
    if (longest) this.#at += 1;
    const glob = this.#glob(this.#until('}', true).text);
    const characters = Array.from(value);
    if (operator === '#') {
      const cut = glob.beginning(codesOf(value), longest) ?? 0;
      return characters.slice(cut).join('');
    }
    const cut = glob.reversed().beginning(codesOf(value).toReversed(), longest) ?? 0;
    return characters.slice(0, characters.length - cut).join('');
  }

  #replace(value: string): string {
    const all = this.#peek() === '/';
    if (all) this.#at += 1;
    const pattern = this.#until('/', true).text;
    const replacement = this.#until('}', true).text;
    if (pattern === '') return value;
    const glob = this.#glob(pattern);
    const characters = Array.from(value);
    const codes = codesOf(value);
    let text = '';
    let at = 0;
    for (let found = glob.find(codes, 0); found !== null; found = glob.find(codes, at)) {
      text += characters.slice(at, found.start).join('') + replacement;
      this.#budget.spend(replacement.length * CHARACTER);
      at = found.end;
      if (!all || at === characters.length) break;
    }
    return text + characters.slice(at).join('');
  }

  #glob(pattern: string): Glob {
    this.#budget.spend(pattern.length * CHARACTER);
    return Glob.of(pattern, 'shell', this.#budget);
  }
}

/** Adds text to the word and to the list of words; `splits`: blanks in it end a word. */
function add(out: Expanded, text: string, splits: boolean): void {
  out.text += text;
  if (!splits) {
    out.current += text;
    out.open = true;
    return;
  }
  for (const character of text) {
    if (!/\s/u.test(character)) {
      out.current += character;
      out.open = true;
    } else if (out.open) {
      out.words.push(out.current);
      out.current = '';
      out.open = false;
    }
  }
}

function close(out: Expanded): Expanded {
  if (out.open && out.current !== '') out.words.push(out.current);
  out.current = '';
  return out;
}
