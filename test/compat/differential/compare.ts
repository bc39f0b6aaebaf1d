import type { Answer } from './exchange.ts';

/** One place where two answers are not the same, e.g. `GET /info: .Driver`. Absent values are undefined. */
export interface Difference {
  readonly place: string;
  readonly ours: unknown;
  readonly theirs: unknown;
}

/** The same for both engines: values that differ from run to run become words for their kind. */
export function normalise(value: unknown, kept: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') return normaliseText(value, kept);
  if (typeof value === 'number') return value > 1_000_000_000 ? '<large>' : value;
  if (Array.isArray(value)) return value.map((each) => normalise(each, kept));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      normaliseText(key, kept),
      normalise(PREPARED[key]?.(each) ?? each, kept),
    ]),
  );
}

/** Fields whose value is anything, or whose order is: Docker's daemon walks through maps. */
const PREPARED: Readonly<Record<string, (value: unknown) => unknown>> = {
  Pid: (value) => (typeof value === 'number' && value > 0 ? '<pid>' : value),
  Mounts: (value) => inOrder(value, 'Destination'),
  Volumes: (value) => inOrder(value, 'Name'),
  VolumesDeleted: (value) => (Array.isArray(value) ? value.map(String).toSorted() : value),
  Env: (value) => (Array.isArray(value) ? value.map(String).toSorted() : value),
  Processes: (value) =>
    Array.isArray(value)
      ? value.map((row: unknown) => (Array.isArray(row) ? ['<pid>', ...row.slice(1)] : row))
      : value,
};

function inOrder(value: unknown, field: string): unknown {
  if (!Array.isArray(value)) return value;
  const nameOf = (each: unknown) => String((each as Record<string, unknown> | null)?.[field]);
  // Random names come last, in any order.
  const key = (each: unknown) => (/^[0-9a-f]{64}$/.test(nameOf(each)) ? '~' : nameOf(each));
  return value.toSorted((a, b) => key(a).localeCompare(key(b)));
}

function normaliseText(text: string, kept: ReadonlyMap<string, string>): string {
  let result = text;
  for (const [name, value] of kept) {
    if (value.length < 12) continue;
    result = result.replaceAll(value, `<${name}>`).replaceAll(value.slice(0, 12), `<${name}>`);
  }
  return result
    .replaceAll(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, (time) =>
      time.startsWith('0001-') ? time : '<time>',
    )
    .replaceAll(/\b[0-9a-f]{64}\b/g, '<hex64>')
    .replaceAll(/\b[0-9a-f]{12}\b/g, '<hex12>')
    .replaceAll(/\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, '<mac>')
    .replaceAll(/\b(172\.(1[6-9]|2\d|3[01])|10\.\d+)\.\d+\.\d+(\/\d+)?\b/g, '<ip>')
    .replaceAll(/\/tmp\/[^\s",]*/g, '<path>')
    .replaceAll(/(Less than a second|\d+ seconds?|About a minute)/g, '<span>');
}

/** Where the answers differ: status, media type, and the body field by field. */
export function compare(ours: Answer, theirs: Answer): readonly Difference[] {
  return [
    ...differ('status', ours.status, theirs.status),
    ...differ('type', mediaType(ours.type), mediaType(theirs.type)),
    ...compareValues('', ours.body, theirs.body),
  ];
}

const mediaType = (type: string) => type.split(';')[0]?.trim() ?? '';

function differ(place: string, ours: unknown, theirs: unknown): Difference[] {
  if (ours === theirs || (isNothing(ours) && isNothing(theirs))) return [];
  return [{ place, ours, theirs }];
}

/** Null, and an empty list or object, say the same: Docker's daemon says now this, now that, by what the client had sent. */
function isNothing(value: unknown): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}

function compareValues(place: string, ours: unknown, theirs: unknown): Difference[] {
  if (Array.isArray(ours) && Array.isArray(theirs)) {
    return Array.from({ length: Math.max(ours.length, theirs.length) }, (_, index) =>
      compareValues(`${place}[${index}]`, ours[index], theirs[index]),
    ).flat();
  }
  if (isObject(ours) && isObject(theirs)) {
    return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].flatMap((key) =>
      compareValues(`${place}.${key}`, ours[key], theirs[key]),
    );
  }
  return differ(place, ours, theirs);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
