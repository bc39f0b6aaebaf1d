import { filtersParameter } from '../../client/caller.ts';
import { defineCommand } from '../command.ts';
import { bool, integer, list, text } from '../flags/flag.ts';
import { INSTANCE_TITLES, instanceRow } from '../format/instances.ts';
import { printListing } from '../format/listing.ts';
import { parseFilters } from '../values/filters.ts';

export const command = defineCommand({
  usage: 'ps [OPTIONS]',
  summary: 'List instances',
  example: "hull ps -a --filter status=exited --format 'table {{.Names}}\\t{{.Status}}'",
  flags: {
    all: bool('Show all instances, not only running ones', { short: 'a' }),
    filter: list('Show only those that match, such as name=web, status=exited, label=a=b', {
      short: 'f',
      placeholder: 'NAME=VALUE',
    }),
    format: text("'table', 'json', 'table TEMPLATE' or a Go template"),
    last: integer('Show the last created ones, whatever their state', { short: 'n' }),
    latest: bool('Show the last created one', { short: 'l' }),
    'no-trunc': bool('Do not shorten anything'),
    quiet: bool('Only ids', { short: 'q' }),
    size: bool('Show sizes too', { short: 's' }),
  },
  args: { max: 0 },
  run: async ({ io, client }, values) => {
    const limit = values.latest ? 1 : values.last !== undefined && values.last > 0 ? values.last : undefined;
    const size = values.size || /\.Size\b/.test(values.format ?? '');
    const filters = filtersParameter(parseFilters(values.filter));
    const summaries = await client.containers.list({
      all: values.all || limit !== undefined,
      limit,
      size,
      filters,
    });
    printListing(io, {
      columns: [
        'ID',
        'Image',
        'Command',
        'RunningFor',
        'Status',
        'Ports',
        'Names',
        ...(values.size ? ['Size'] : []),
      ],
      titles: INSTANCE_TITLES,
      rows: summaries.map((summary) => instanceRow(summary, { truncate: !values['no-trunc'] })),
      format: values.format,
      only: values.quiet ? 'ID' : undefined,
    });
    return 0;
  },
});
