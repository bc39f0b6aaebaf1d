import { filtersParameter } from '../../client/caller.ts';
import { defineCommand } from '../command.ts';
import { bool, integer, list, text } from '../flags/flag.ts';
import { printListing } from '../format/listing.ts';
import { parseFilters } from '../values/filters.ts';

const TITLES = {
  Name: 'NAME',
  Description: 'DESCRIPTION',
  StarCount: 'STARS',
  IsOfficial: 'OFFICIAL',
} as const;
const LONGEST = 45;

export const command = defineCommand({
  usage: 'search [OPTIONS] TERM',
  summary: 'Search a registry, or Docker’s hub, for images',
  example: 'hull search localhost:5000/team\nhull search debian',
  flags: {
    filter: list('Show only those that match, such as is-official=true, stars=3', {
      short: 'f',
      placeholder: 'NAME=VALUE',
    }),
    format: text("'table', 'json', 'table TEMPLATE' or a Go template"),
    limit: integer('How many at most'),
    'no-trunc': bool('Do not shorten anything'),
  },
  args: { min: 1, max: 1 },
  run: async ({ io, client }, values, [term = '']) => {
    const filters = filtersParameter(parseFilters(values.filter));
    const found = await client.images.search({ term, limit: values.limit, filters });
    printListing(io, {
      columns: ['Name', 'Description', 'StarCount', 'IsOfficial'],
      titles: TITLES,
      rows: found.map((one) => {
        const description = one.description.replaceAll(/\s+/g, ' ');
        const long = !values['no-trunc'] && description.length > LONGEST;
        return {
          Name: one.name,
          Description: long ? `${description.slice(0, LONGEST - 1)}…` : description,
          StarCount: String(one.star_count),
          IsOfficial: one.is_official ? '[OK]' : '',
        };
      }),
      format: values.format,
    });
    return 0;
  },
});
