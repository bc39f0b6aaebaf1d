import { codesOf, type GlobDialect, type GlobToken, parseGlob, SLASH } from './glob-syntax.ts';
import { StepBudget } from './step-budget.ts';

export { GlobError, type GlobDialect } from './glob-syntax.ts';

/** Steps of one pattern over one text, where nobody gave a budget: a name of 4096 bytes and a pattern as long fit in. */
const MOST_STEPS = 10_000_000;

/** A part of a text, in code points. */
export interface GlobMatch {
  readonly start: number;
  readonly end: number;
}

/**
 * A shell pattern. All ways through it are followed at once (Thompson's construction: Russ Cox, "Regular Expression Matching Can Be Simple And
 * Fast"), so the time is at most the product of both lengths, and linear in the text for a given pattern: there is no backtracking.
 */
export class Glob {
  readonly #tokens: readonly GlobToken[];
  readonly #budget: StepBudget;
  /** Characters before the first wildcard: most texts differ in them. */
  readonly #literals: number;
  #run: Run | null = null;

  private constructor(tokens: readonly GlobToken[], budget: StepBudget) {
    this.#tokens = tokens;
    this.#budget = budget;
    const wildcard = tokens.findIndex(({ kind }) => kind !== 'literal');
    this.#literals = wildcard < 0 ? tokens.length : wildcard;
  }

  /** Throws `GlobError` for a malformed pattern. Matching throws `invalid-argument` when the budget is used up. */
  static of(pattern: string, dialect: GlobDialect, budget?: StepBudget): Glob {
    const tokens = parseGlob(pattern, dialect);
    return new Glob(tokens, budget ?? new StepBudget(`the pattern "${pattern.slice(0, 80)}"`, MOST_STEPS));
  }

  /** The same pattern for texts that are read from behind. `**` with a slash has a direction: it is not for these. */
  reversed(): Glob {
    return new Glob(this.#tokens.toReversed(), this.#budget);
  }

  /** Does the whole text match? */
  matches(text: string): boolean {
    const codes = codesOf(text);
    let whole = false;
    this.#prefixes(codes, (end) => (whole = end === codes.length));
    return whole;
  }

  /** Does the path (its code points) match, or a folder that it lies in? */
  matchesWithin(path: readonly number[]): boolean {
    let found = false;
    this.#prefixes(path, (end) => (found = end === path.length || (end > 0 && path[end] === SLASH)));
    return found;
  }

  /** Where the shortest or longest beginning of the text ends that matches; null: none does. */
  beginning(text: readonly number[], longest: boolean): number | null {
    let found: number | null = null;
    this.#prefixes(text, (end) => {
      found = end;
      return !longest;
    });
    return found;
  }

  /** The first part that matches at or after `from`, and the longest of those that begin there; null: there is none. */
  find(text: readonly number[], from: number): GlobMatch | null {
    const run = this.#begin();
    let best: GlobMatch | null = null;
    for (let at = from; ; at += 1) {
      if (best === null) run.enter(0, at);
      const start = run.accepted();
      if (start !== null && (best === null || start <= best.start)) best = { start, end: at };
      if (at === text.length || run.size === 0) return best;
      this.#budget.spend(run.size);
      run.step(text[at] ?? 0, best?.start ?? at);
    }
  }

  /** Tells of every beginning that matches, from the shortest on, until `found` returns true. */
  #prefixes(text: readonly number[], found: (end: number) => boolean): void {
    const literals = this.#literals;
    for (let at = 0; at < literals; at += 1) {
      const token = this.#tokens[at];
      if (token?.kind === 'literal' && token.code !== text[at]) return this.#budget.spend(at);
    }
    this.#budget.spend(literals);
    const run = this.#begin();
    run.enter(literals, 0);
    for (let at = literals; run.size > 0; at += 1) {
      if ((run.accepted() !== null && found(at)) || at >= text.length) return;
      this.#budget.spend(run.size);
      run.step(text[at] ?? 0, 0);
    }
  }

  #begin(): Run {
    this.#run ??= new Run(this.#tokens);
    this.#run.clear();
    return this.#run;
  }
}

/** The places of a pattern that may be reached by what was read, each with the earliest beginning that leads to it. */
class Run {
  readonly #tokens: readonly GlobToken[];
  readonly #floors: Int32Array;
  #now: Places;
  #next: Places;

  constructor(tokens: readonly GlobToken[]) {
    this.#tokens = tokens;
    this.#floors = floorsOf(tokens);
    this.#now = new Places(tokens.length + 1);
    this.#next = new Places(tokens.length + 1);
  }

  get size(): number {
    return this.#now.size;
  }

  /** Where the match that ends here begins; null: none ends here. */
  accepted(): number | null {
    return this.#now.startOf(this.#tokens.length);
  }

  clear(): void {
    this.#now.clear();
  }

  /** Begins at a place of the pattern. */
  enter(place: number, start: number): void {
    this.#enter(this.#now, place, start);
  }

  /** Reads one character. What began after `latest` is dropped. */
  step(code: number, latest: number): void {
    const now = this.#now;
    const next = this.#next;
    next.clear();
    for (let index = 0; index < now.size; index += 1) {
      const place = now.at(index);
      const token = this.#tokens[place];
      const start = now.startOf(place) ?? 0;
      if (token === undefined || start > latest) continue;
      const { kind } = token;
      if (kind === 'many' || kind === 'inFolders' || (kind === 'manyInName' && code !== SLASH))
        this.#enter(next, place, start);
      if (consumes(token, code)) this.#enter(next, place + 1, start);
    }
    next.prune(this.#floors);
    this.#now = next;
    this.#next = now;
  }

  /** Adds a place, and those that are reached from it without reading. */
  #enter(places: Places, place: number, start: number): void {
    for (let at = place; places.add(at, start); at += 1) {
      const kind = this.#tokens[at]?.kind;
      if (kind === 'folders') this.#enter(places, at + 2, start);
      else if (kind !== 'many' && kind !== 'manyInName') return;
    }
  }
}

/** A set of places that is cleared at no cost. */
class Places {
  readonly #list: Int32Array;
  readonly #starts: Int32Array;
  readonly #rounds: Int32Array;
  #round = 1;
  size = 0;

  constructor(most: number) {
    this.#list = new Int32Array(most);
    this.#starts = new Int32Array(most);
    this.#rounds = new Int32Array(most);
  }

  clear(): void {
    this.size = 0;
    this.#round += 1;
  }

  at(index: number): number {
    return this.#list[index] ?? 0;
  }

  startOf(place: number): number | null {
    return this.#rounds[place] === this.#round ? (this.#starts[place] ?? 0) : null;
  }

  /**
   * Leaves out what the furthest repeating place covers: from there, everything can be read that could be from a place between it and its
   * floor. So a pattern of many stars has no more places than the text between two of them has characters.
   */
  prune(floors: Int32Array): void {
    let furthest = -1;
    for (let index = 0; index < this.size; index += 1) {
      const place = this.at(index);
      if (place > furthest && (floors[place] ?? -1) >= 0) furthest = place;
    }
    if (furthest < 0) return;
    const floor = floors[furthest] ?? 0;
    const start = this.#starts[furthest] ?? 0;
    let kept = 0;
    for (let index = 0; index < this.size; index += 1) {
      const place = this.at(index);
      const covered = place >= floor && place < furthest && (this.#starts[place] ?? 0) >= start;
      if (covered) this.#rounds[place] = 0;
      else this.#list[kept++] = place;
    }
    this.size = kept;
  }

  /** False: it was there, with a beginning as early. */
  add(place: number, start: number): boolean {
    const known = this.startOf(place);
    if (known !== null && known <= start) return false;
    if (known === null) {
      this.#list[this.size] = place;
      this.size += 1;
      this.#rounds[place] = this.#round;
    }
    this.#starts[place] = start;
    return true;
  }
}

/** By place: the first place that a repetition there covers; -1 where none is, or where it covers nothing. */
function floorsOf(tokens: readonly GlobToken[]): Int32Array {
  const floors = new Int32Array(tokens.length + 1).fill(-1);
  let sinceSlash = 0;
  for (const [place, token] of tokens.entries()) {
    if (token.kind === 'many') floors[place] = 0;
    if (token.kind === 'manyInName') floors[place] = sinceSlash;
    // Whoever comes to the folders has read a slash, which leads on from inside of them as well.
    const before = tokens[place - 2];
    if (token.kind === 'inFolders' && before?.kind === 'literal' && before.code === SLASH) floors[place] = 0;
    const anything = token.kind === 'many' || token.kind === 'folders' || token.kind === 'inFolders';
    if (anything || consumes(token, SLASH)) sinceSlash = place + 1;
  }
  return floors;
}

function consumes(token: GlobToken, code: number): boolean {
  switch (token.kind) {
    case 'inFolders':
      return code === SLASH;
    case 'literal':
      return token.code === code;
    case 'one':
      return true;
    case 'oneInName':
      return code !== SLASH;
    case 'class':
      return token.ranges.some(([low, high]) => low <= code && code <= high) !== token.negated;
    default:
      return false;
  }
}
