import { defineCommand } from '../command.ts';
import { bool, text } from '../flags/flag.ts';
import { printListing } from '../format/listing.ts';
import { ago, localTime } from '../format/units.ts';

const TITLES = {
  CreatedAt: 'CREATED AT',
  CreatedSince: 'CREATED',
  Name: 'SNAPSHOT',
  Volume: 'VOLUME NAME',
} as const;

export const command = defineCommand({
  usage: 'snapshot-ls [OPTIONS] [VOLUME]',
  summary: 'List what is kept aside of volumes',
  example: 'hull volume snapshot-ls data',
  flags: {
    format: text("'table', 'json', 'table TEMPLATE' or a Go template"),
    quiet: bool('Only names', { short: 'q' }),
  },
  args: { max: 1 },
  completeArgs: ['volumes'],
  run: async ({ io, client }, values, [volume]) => {
    const snapshots = await client.volumes.snapshots(volume);
    printListing(io, {
      columns: ['Volume', 'Name', 'CreatedSince'],
      titles: TITLES,
      rows: snapshots.map((snapshot) => ({
        get CreatedAt() {
          return localTime(snapshot.createdAt);
        },
        CreatedSince: ago(snapshot.createdAt),
        Name: snapshot.name,
        Volume: snapshot.volume,
      })),
      format: values.format,
      only: values.quiet ? 'Name' : undefined,
    });
    return 0;
  },
});
