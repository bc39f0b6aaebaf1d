/** How Go sees and prints values that came as JSON. */

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Go's truth: false, 0, nil, and what is empty are false. */
export function isTrue(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === 0 || value === '') return false;
  if (Array.isArray(value)) return value.length > 0;
  return isObject(value) ? Object.keys(value).length > 0 : true;
}

export function lengthOf(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  return isObject(value) ? Object.keys(value).length : 0;
}

/** As fmt's `%v`: `[a b]`, `map[k:v]` with sorted keys, `<nil>` inside, `<no value>` on top (see `printedTop`). */
export function printed(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(printed).join(' ')}]`;
  if (!isObject(value)) return typeof value === 'string' ? value : JSON.stringify(value);
  const pairs = Object.keys(value)
    .toSorted()
    .map((key) => `${key}:${printed(value[key])}`);
  return `map[${pairs.join(' ')}]`;
}

/** What a template prints for a whole value. */
export function printedTop(value: unknown): string {
  return value === null || value === undefined ? '<no value>' : printed(value);
}

/** JSON in the order that the value has. */
export function sortedJson(value: unknown): string {
  return JSON.stringify(value ?? null);
}
