import { defineCommand } from '../command.ts';
import { bool, text } from '../flags/flag.ts';
import { DISK_TITLES, diskRows } from '../format/disk-usage.ts';
import { verboseDiskUsage } from '../format/disk-usage-verbose.ts';
import { printListing } from '../format/listing.ts';

export const command = defineCommand({
  usage: 'df [OPTIONS]',
  summary: 'Show what takes the disk, and what of it could be removed',
  example: 'hull system df -v',
  flags: {
    format: text("'table', 'json', 'table TEMPLATE' or a Go template"),
    verbose: bool('Show every image, instance, volume and build step', { short: 'v' }),
  },
  args: { max: 0 },
  run: async ({ io, client }, values) => {
    const usage = await client.system.diskUsage();
    if (values.verbose && values.format === undefined) {
      io.out(verboseDiskUsage(usage));
      return 0;
    }
    printListing(io, {
      columns: ['Type', 'TotalCount', 'Active', 'Size', 'Reclaimable'],
      titles: DISK_TITLES,
      rows: diskRows(usage),
      format: values.format,
    });
    return 0;
  },
});
