/**
 * What a pattern's characters mean. `path`: Go's path.Match, where `*` and `?` stop at a slash. `ignore`: the same with `**` for any number of
 * folders, as github.com/moby/patternmatcher has it. `shell`: `*` and `?` match everything and there are no classes, as in `${X%pattern}`
 * (github.com/moby/buildkit, frontend/dockerfile/shell).
 */
export type GlobDialect = 'path' | 'ignore' | 'shell';

/** A pattern that its dialect does not allow. */
export class GlobError extends Error {}

/** One step of a pattern. `folders` is entered once and may match nothing; `inFolders` is where it goes on up to a slash. */
export type GlobToken =
  | { readonly kind: 'literal'; readonly code: number }
  | { readonly kind: 'one' | 'oneInName' | 'many' | 'manyInName' | 'folders' | 'inFolders' }
  | {
      readonly kind: 'class';
      readonly negated: boolean;
      readonly ranges: readonly (readonly [number, number])[];
    };

export const SLASH = 0x2f;

/** Most patterns are of these alone: one object for each, not one for each occurrence. */
const ASCII: readonly GlobToken[] = Array.from({ length: 128 }, (_, code) => ({ kind: 'literal', code }));
const FOLDERS: readonly GlobToken[] = [{ kind: 'folders' }, { kind: 'inFolders' }];

/** The code points of a text. */
export function codesOf(text: string): number[] {
  const codes: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.codePointAt(at) ?? 0;
    codes.push(code);
    if (code > 0xffff) at += 1;
  }
  return codes;
}

/** Throws `GlobError` for an open or empty class, and for a backslash at the end (`shell`: it stands for itself). */
export function parseGlob(pattern: string, dialect: GlobDialect): GlobToken[] {
  return new Parser(pattern, dialect).tokens();
}

class Parser {
  readonly #characters: readonly string[];
  readonly #dialect: GlobDialect;
  readonly #tokens: GlobToken[] = [];
  #at = 0;

  constructor(pattern: string, dialect: GlobDialect) {
    this.#characters = Array.from(pattern);
    this.#dialect = dialect;
  }

  tokens(): GlobToken[] {
    while (this.#at < this.#characters.length) this.#next();
    return this.#tokens;
  }

  #next(): void {
    const character = this.#take();
    const shell = this.#dialect === 'shell';
    if (character === '*') this.#stars();
    else if (character === '?') this.#tokens.push({ kind: shell ? 'one' : 'oneInName' });
    else if (character === '[' && !shell) this.#tokens.push(this.#class());
    else if (character === '\\' && this.#at < this.#characters.length) this.#literal(this.#take());
    else if (character === '\\' && !shell) throw new GlobError('nothing stands after the last backslash');
    else this.#literal(character);
  }

  #take(): string {
    const character = this.#characters[this.#at] ?? '';
    this.#at += 1;
    return character;
  }

  #literal(character: string): void {
    const code = character.codePointAt(0) ?? 0;
    this.#tokens.push(ASCII[code] ?? { kind: 'literal', code });
  }

  #stars(): void {
    if (this.#dialect === 'ignore' && this.#characters[this.#at] === '*') return this.#twoStars();
    this.#repeat(this.#dialect === 'shell' ? 'many' : 'manyInName');
  }

  /** `**` at the end matches everything, elsewhere any number of folders; where only text follows one at the beginning, any beginning. */
  #twoStars(): void {
    const first = this.#at === 1;
    this.#at += 1;
    const slash = this.#characters[this.#at] === '/';
    if (slash) this.#at += 1;
    const plain =
      first && !slash && !this.#characters.slice(this.#at).some((character) => '*?[]\\'.includes(character));
    if (this.#at === this.#characters.length || plain) return this.#repeat('many');
    this.#tokens.push(...FOLDERS);
  }

  /** Two of a kind in a row say no more than one. */
  #repeat(kind: 'many' | 'manyInName'): void {
    if (this.#tokens.at(-1)?.kind !== kind) this.#tokens.push({ kind });
  }

  #class(): GlobToken {
    const negated = this.#characters[this.#at] === '^';
    if (negated) this.#at += 1;
    const ranges: [number, number][] = [];
    while (this.#characters[this.#at] !== ']' || ranges.length === 0) {
      const low = this.#member();
      let high = low;
      if (this.#characters[this.#at] === '-') {
        this.#at += 1;
        high = this.#member();
      }
      ranges.push([low, high]);
    }
    this.#at += 1;
    return { kind: 'class', negated, ranges };
  }

  #member(): number {
    let character = this.#characters[this.#at];
    if (character === '-' || character === ']')
      throw new GlobError('a class begins or ends a range with nothing');
    this.#at += 1;
    if (character === '\\') character = this.#characters[this.#at++];
    const code = character?.codePointAt(0);
    if (code === undefined || this.#at >= this.#characters.length) throw new GlobError('a class has no end');
    return code;
  }
}
