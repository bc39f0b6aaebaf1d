/** One challenge of a `WWW-Authenticate` header (RFC 9110, 11.6.1). Parameter names are lower-case. */
export interface Challenge {
  /** Lower-case. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const LONGEST_HEADER = 16 * 1024;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+/;

/** The challenges of a header, in order; what is malformed ends the list. */
export function parseChallenges(header: string): Challenge[] {
  const reader = new Reader(header.slice(0, LONGEST_HEADER));
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  for (;;) {
    reader.skip(/^[\s,]+/);
    const name = reader.take(TOKEN);
    if (name === null) return challenges;
    const value = reader.parameterValue();
    if (value === null) {
      challenges.push({ scheme: name.toLowerCase(), parameters: {} });
      // A scheme may be followed by a bare token (`token68`) instead of parameters.
      reader.skip(/^[ \t]+[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))/);
      continue;
    }
    const current = challenges.at(-1);
    if (current === undefined) return challenges;
    const key = name.toLowerCase();
    if (key !== '__proto__' && !Object.hasOwn(current.parameters, key)) current.parameters[key] = value;
  }
}

class Reader {
  #rest: string;

  constructor(text: string) {
    this.#rest = text;
  }

  take(pattern: RegExp): string | null {
    const found = pattern.exec(this.#rest);
    if (found === null) return null;
    this.#rest = this.#rest.slice(found[0].length);
    return found[0];
  }

  skip(pattern: RegExp): void {
    this.take(pattern);
  }

  /** `= value` after a name; null when the name is a scheme. */
  parameterValue(): string | null {
    const before = this.#rest;
    if (this.take(/^[ \t]*=[ \t]*/) === null) return null;
    const quoted = this.take(/^"(?:[^"\\]|\\.)*"/s);
    if (quoted !== null) return quoted.slice(1, -1).replaceAll(/\\(.)/gs, '$1');
    const token = this.take(TOKEN);
    if (token === null) this.#rest = before.startsWith('=') ? '' : before;
    return token;
  }
}
