import type { EventMessage } from '../../../api/docker.ts';
import type { EngineApi, EngineEvent } from '../../engine/api.ts';
import { millisecondsOf } from '../../lib/timestamp.ts';
import { HullError } from '../../model/errors.ts';
import type { Exchange } from '../exchange.ts';
import { Filters } from '../filters.ts';
import type { Query } from '../query.ts';
import type { Route } from '../router.ts';

export const eventRoutes: readonly Route[] = [{ method: 'GET', path: '/events', handler: events }];

const EVENT_FILTERS = [
  'config',
  'container',
  'daemon',
  'event',
  'image',
  'label',
  'network',
  'node',
  'plugin',
  'scope',
  'secret',
  'service',
  'type',
  'volume',
] as const;

/** Filters by an actor: its id or its name, or the beginning of either, whatever the event's type is. */
const ACTOR_FILTERS = [
  'config',
  'container',
  'daemon',
  'network',
  'node',
  'plugin',
  'secret',
  'service',
  'volume',
] as const;
/** Actions with more words after a colon; asking for one of these makes Docker match beginnings. */
const WORDY_ACTIONS = ['exec_create', 'exec_start', 'health_status'];

async function events(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { query, signal } = exchange;
  const filters = Filters.read(query, EVENT_FILTERS);
  const range = { since: eventTime(query, 'since'), until: eventTime(query, 'until') };
  if (range.since !== null && range.until !== null && range.until < range.since) {
    const shown = (time: bigint): string => String(millisecondsOf(time) / 1000);
    throw new HullError(
      'invalid-argument',
      `\`since\` time (${shown(range.since)}) cannot be after \`until\` time (${shown(range.until)})`,
    );
  }
  // Subscribed before the headers go out: what happens from then on is seen.
  const subscription = engine.events.subscribe(range, signal);
  const sink = exchange.open('application/json');
  for await (const event of subscription) {
    if (signal.aborted) return;
    if (matchesEvent(event, filters)) await sink.write(eventLine(event));
  }
  sink.end();
}

/** Unlike elsewhere, 0 is a time: `since=0` asks for everything that is remembered. */
function eventTime(query: Query, name: 'since' | 'until'): bigint | null {
  return query.text(name) === '0' ? 0n : query.time(name);
}

/** Docker's rules: values of one filter are alternatives, filters add up. */
export function matchesEvent(event: EngineEvent, filters: Filters): boolean {
  const { id, attributes } = event.actor;
  const name = attributes['name'] ?? '';
  const wordy = filters.get('event').some((value) => WORDY_ACTIONS.includes(value));
  return (
    filters.any('type', (value) => event.type === value) &&
    filters.any('event', (value) => event.action === value || (wordy && event.action.startsWith(value))) &&
    filters.any('scope', (value) => value === 'local') &&
    ACTOR_FILTERS.every((type) =>
      filters.any(type, (value) => id.startsWith(value) || name.startsWith(value)),
    ) &&
    filters.any('image', imageMatcher(event)) &&
    filters.labels(attributes)
  );
}

/** By id or by name, with and without the tag. */
function imageMatcher(event: EngineEvent): (value: string) => boolean {
  const { id, attributes } = event.actor;
  const image = attributes[event.type === 'image' ? 'name' : 'image'] ?? '';
  const known = [id, image, withoutTag(id), withoutTag(image)];
  return (value) => known.includes(value);
}

function withoutTag(reference: string): string {
  return reference.replace(/:[^:/@]*$/, '');
}

/** One event as clients know it; `timeNano` is rounded to what a number can hold: see `eventLine`. */
export function eventMessage(event: EngineEvent): EventMessage {
  const { id, attributes } = event.actor;
  const old = event.type === 'container' || event.type === 'image';
  const from = event.type === 'container' ? attributes['image'] : undefined;
  return {
    ...(old ? { status: event.action, id } : {}),
    ...(from === undefined ? {} : { from }),
    Type: event.type,
    Action: event.action,
    Actor: { ID: id, Attributes: attributes },
    scope: 'local',
    time: Number(event.timeNano / 1_000_000_000n),
    timeNano: Number(event.timeNano),
  };
}

/** One line of the stream, with the time to the nanosecond. */
function eventLine(event: EngineEvent): string {
  // The last field: nothing that a user wrote comes after it.
  return `${JSON.stringify(eventMessage(event)).replace(/"timeNano":\d+\}$/, `"timeNano":${event.timeNano}}`)}\n`;
}
