import { filtersParameter } from '../../client/caller.ts';
import { defineCommand } from '../command.ts';
import { bool, list, text } from '../flags/flag.ts';
import { IMAGE_TITLES, imageRows } from '../format/images.ts';
import { printListing } from '../format/listing.ts';
import { parseFilters } from '../values/filters.ts';

export const command = defineCommand({
  usage: 'images [OPTIONS] [REPOSITORY[:TAG]]',
  summary: 'List images',
  example: 'hull images --filter dangling=true -q',
  flags: {
    all: bool('Show all images', { short: 'a' }),
    digests: bool('Show digests'),
    filter: list('Show only those that match, such as reference=debian*, dangling=true', {
      short: 'f',
      placeholder: 'NAME=VALUE',
    }),
    format: text("'table', 'json', 'table TEMPLATE' or a Go template"),
    'no-trunc': bool('Do not shorten anything'),
    quiet: bool('Only ids', { short: 'q' }),
  },
  args: { max: 1 },
  completeArgs: ['images'],
  run: async ({ io, client }, values, [reference]) => {
    const filters = parseFilters(values.filter);
    if (reference !== undefined) filters.set('reference', [...(filters.get('reference') ?? []), reference]);
    const images = await client.images.list({
      all: values.all,
      digests: values.digests,
      filters: filtersParameter(filters),
    });
    printListing(io, {
      columns: ['Repository', 'Tag', ...(values.digests ? ['Digest'] : []), 'ID', 'CreatedSince', 'Size'],
      titles: IMAGE_TITLES,
      rows: images.flatMap((image) =>
        imageRows(image, { truncate: !values['no-trunc'], digests: values.digests }),
      ),
      format: values.format,
      only: values.quiet ? 'ID' : undefined,
    });
    return 0;
  },
});
