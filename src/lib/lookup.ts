/** What a name or the beginning of an id can mean. */
export type Found<T> = { readonly one: T } | { readonly matches: number };

export interface Lookup<T> {
  readonly id: (each: T) => string;
  readonly name: (each: T) => string;
  /** The fewest characters of an id that are taken for its beginning; default 1. */
  readonly shortest?: number;
}

const HEX = /^[0-9a-f]+$/;

/**
 * By full id, name, or the beginning of an id, in this order, as Docker looks things up. `matches`: how many ids begin so, where it is not one.
 */
export function findByNameOrId<T>(
  all: Iterable<T>,
  wanted: string,
  { id, name, shortest = 1 }: Lookup<T>,
): Found<T> {
  const list = [...all];
  const exact = list.find((each) => id(each) === wanted) ?? list.find((each) => name(each) === wanted);
  if (exact !== undefined) return { one: exact };
  if (!HEX.test(wanted) || wanted.length < shortest) return { matches: 0 };
  const matches = list.filter((each) => id(each).startsWith(wanted));
  const [one, ...more] = matches;
  return one !== undefined && more.length === 0 ? { one } : { matches: matches.length };
}
