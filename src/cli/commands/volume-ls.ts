import { filtersParameter } from '../../client/caller.ts';
import { defineCommand } from '../command.ts';
import { bool, list, text } from '../flags/flag.ts';
import { printListing } from '../format/listing.ts';
import { VOLUME_TITLES, volumeRow } from '../format/volumes.ts';
import { parseFilters } from '../values/filters.ts';

export const command = defineCommand({
  usage: 'ls [OPTIONS]',
  summary: 'List volumes',
  example: 'hull volume ls --filter dangling=true -q',
  flags: {
    filter: list('Show only those that match, such as name=data, label=tier=db, dangling=true', {
      short: 'f',
      placeholder: 'NAME=VALUE',
    }),
    format: text("'table', 'json', 'table TEMPLATE' or a Go template"),
    quiet: bool('Only names', { short: 'q' }),
  },
  args: { max: 0 },
  run: async ({ io, client }, values) => {
    const filters = filtersParameter(parseFilters(values.filter));
    const volumes = await client.volumes.list({ filters });
    printListing(io, {
      columns: ['Driver', 'Name'],
      titles: VOLUME_TITLES,
      rows: volumes.map((volume) => volumeRow(volume)),
      format: values.format,
      only: values.quiet ? 'Name' : undefined,
    });
    return 0;
  },
});
