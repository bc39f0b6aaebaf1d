import type { EventMessage } from '../../../api/docker.ts';
import type { EngineApi, EngineEvent } from '../../engine/api.ts';
import type { Exchange } from '../exchange.ts';
import { Filters } from '../filters.ts';
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

async function events(engine: EngineApi, exchange: Exchange): Promise<void> {
  const { query, signal } = exchange;
  const filters = Filters.read(query, EVENT_FILTERS);
  const range = { since: query.time('since'), until: query.time('until') };
  // Subscribed before the headers go out: what happens from then on is seen.
  const subscription = engine.events.subscribe(range, signal);
  const sink = exchange.openJson();
  for await (const event of subscription) {
    if (signal.aborted) return;
    if (matchesEvent(event, filters)) await sink.write(eventMessage(event));
  }
  sink.end();
}

/** Docker's rules: values of one filter are alternatives, filters add up; names match ids (also their beginnings) and names. */
export function matchesEvent(event: EngineEvent, filters: Filters): boolean {
  const { id, attributes } = event.actor;
  const isActor = (type: string, value: string) =>
    event.type === type && (id === value || id.startsWith(value) || attributes['name'] === value);
  return (
    filters.any('type', (value) => event.type === value) &&
    filters.any('event', (value) => event.action === value || event.action.startsWith(`${value}:`)) &&
    filters.any('scope', (value) => value === 'local') &&
    (['container', 'volume', 'network', 'daemon'] as const).every((type) =>
      filters.any(type, (value) => isActor(type, value)),
    ) &&
    filters.any('image', (value) => isActor('image', value) || attributes['image'] === value) &&
    (['config', 'node', 'plugin', 'secret', 'service'] as const).every((type) => !filters.has(type)) &&
    filters.labels(attributes)
  );
}

/** One line of the stream. */
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
