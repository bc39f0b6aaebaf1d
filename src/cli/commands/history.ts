import { defineCommand } from '../command.ts';
import { bool, maybe, text } from '../flags/flag.ts';
import { printListing } from '../format/listing.ts';
import { ago, humanSize } from '../format/units.ts';

const TITLES = {
  ID: 'IMAGE',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  CreatedBy: 'CREATED BY',
  Size: 'SIZE',
  Comment: 'COMMENT',
} as const;
const LONGEST = 45;

export const command = defineCommand({
  usage: 'history [OPTIONS] IMAGE',
  summary: 'Show the build steps of an image',
  example: 'hull history --no-trunc freeradius',
  flags: {
    format: text("'table', 'json', 'table TEMPLATE' or a Go template"),
    human: maybe('Sizes and dates for people (default true)', { short: 'H' }),
    'no-trunc': bool('Do not shorten anything'),
    quiet: bool('Only ids', { short: 'q' }),
  },
  args: { min: 1, max: 1 },
  completeArgs: ['images'],
  run: async ({ io, client }, values, [reference = '']) => {
    const entries = await client.images.history(reference);
    const human = values.human ?? true;
    const truncate = !values['no-trunc'];
    printListing(io, {
      columns: ['ID', human ? 'CreatedSince' : 'CreatedAt', 'CreatedBy', 'Size', 'Comment'],
      titles: TITLES,
      rows: entries.map((entry) => {
        const created = new Date(entry.Created * 1000).toISOString().replace(/\.000Z$/, 'Z');
        const by = entry.CreatedBy.replaceAll(/\s+/g, ' ');
        return {
          ID: truncate && entry.Id.startsWith('sha256:') ? entry.Id.slice(7, 19) : entry.Id,
          CreatedSince: entry.Created === 0 ? 'N/A' : ago(entry.Created * 1000),
          CreatedAt: created,
          CreatedBy: truncate && by.length > LONGEST ? `${by.slice(0, LONGEST - 1)}…` : by,
          Size: human ? humanSize(entry.Size, 3) : String(entry.Size),
          Comment: entry.Comment,
        };
      }),
      format: values.format,
      only: values.quiet ? 'ID' : undefined,
    });
    return 0;
  },
});
