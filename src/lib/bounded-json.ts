/** What a JSON text from outside may be made of. */
export interface JsonLimits {
  /** Lists and objects in each other. */
  readonly depth: number;
  /** Elements of one list, or members of one object. */
  readonly entries: number;
  /** Elements and members of all of them. */
  readonly values: number;
}

/** More than any client, registry or image says: a port for each number is 65,535 entries. */
export const JSON_LIMITS: JsonLimits = { depth: 64, entries: 70_000, values: 300_000 };

/** `JSON.parse` for text from outside. Throws an Error that says what is wrong: malformed, too deep, or too many values. */
export function parseBoundedJson(text: string, limits: JsonLimits = JSON_LIMITS): unknown {
  const excess = excessOf(text, limits);
  if (excess !== null) throw new Error(excess);
  return JSON.parse(text) as unknown;
}

const [QUOTE, COMMA, BACKSLASH] = [0x22, 0x2c, 0x5c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * What the text has too much of; null: nothing. It is looked through once, before anything is made of it: a list in a list takes ninety bytes
 * of memory for each of its two characters. Malformed text is the parser's affair.
 */
function excessOf(text: string, { depth, entries, values }: JsonLimits): string | null {
  const counts: number[] = [];
  let all = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === OPEN_LIST || code === OPEN_OBJECT) {
      counts.push(1);
      if (counts.length > depth) return `its values lie more than ${depth} deep in each other`;
      all += 1;
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) counts.pop();
    else if (code === COMMA) {
      const inside = counts.length - 1;
      const count = (counts[inside] ?? 0) + 1;
      if (inside >= 0) counts[inside] = count;
      if (count > entries) return `one of its lists or objects has more than ${entries} entries`;
      all += 1;
    }
    if (all > values) return `it has more than ${values} values`;
  }
  return null;
}

/** Where the string ends that begins here. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at += 1;
  }
  return text.length;
}
