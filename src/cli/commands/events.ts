import { filtersParameter } from '../../client/caller.ts';
import type { TimedEvent } from '../../client/system.ts';
import { defineCommand } from '../command.ts';
import { list, parsed, text } from '../flags/flag.ts';
import { unescape } from '../format/listing.ts';
import { offsetText } from '../format/units.ts';
import { compileTemplate } from '../template/evaluate.ts';
import { parseFilters } from '../values/filters.ts';
import { parseTimestamp } from '../values/time.ts';

export const command = defineCommand({
  usage: 'events [OPTIONS]',
  summary: 'Print the events of the engine as they happen',
  example: 'hull events --since 10m --until 0s --filter type=container',
  flags: {
    filter: list('Show only those that match, such as event=die, container=web', {
      short: 'f',
      placeholder: 'NAME=VALUE',
    }),
    format: text("'json' or a Go template"),
    since: parsed('From this time on', (value) => parseTimestamp(value), { placeholder: 'time' }),
    until: parsed('Up to this time', (value) => parseTimestamp(value), { placeholder: 'time' }),
  },
  args: { max: 0 },
  run: async ({ io, client }, values) => {
    const print = printer(values.format);
    const filters = filtersParameter(parseFilters(values.filter));
    for await (const event of client.system.events({ since: values.since, until: values.until, filters }))
      io.out(`${print(event)}\n`);
    return 0;
  },
});

function printer(format: string | undefined): (event: TimedEvent) => string {
  if (format === undefined || format === '') return eventLine;
  if (format === 'json') return exactJson;
  const template = compileTemplate(unescape(format));
  return ({ event }) => template(event);
}

/** Numbers beyond 2^53 are written digit by digit. */
function exactJson({ event, timeNano }: TimedEvent): string {
  return JSON.stringify(event).replace(/"timeNano":\d+/, `"timeNano":${timeNano}`);
}

/** `2026-11-22T12:39:41.671314605Z container start ID (image=busybox, name=web)` */
export function eventLine({ event, timeNano }: TimedEvent): string {
  const attributes = Object.entries(event.Actor.Attributes ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
  const suffix = attributes === '' ? '' : ` (${attributes})`;
  return `${localNano(timeNano)} ${event.Type} ${event.Action} ${event.Actor.ID}${suffix}`;
}

/** RFC 3339 with nine decimals, in the local zone. */
function localNano(timeNano: bigint): string {
  const milliseconds = Number(timeNano / 1_000_000n);
  const offset = -new Date(milliseconds).getTimezoneOffset();
  const shifted = new Date(milliseconds + offset * 60_000).toISOString().slice(0, 19);
  const fraction = String(timeNano % 1_000_000_000n).padStart(9, '0');
  return `${shifted}.${fraction}${offset === 0 ? 'Z' : offsetText(offset, ':')}`;
}
