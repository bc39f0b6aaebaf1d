import { defineCommand } from '../command.ts';
import { bool, text } from '../flags/flag.ts';
import { printListing } from '../format/listing.ts';
import { ago, humanSize, localTime } from '../format/units.ts';

const TITLES = {
  CreatedAt: 'CREATED AT',
  CreatedSince: 'CREATED',
  Description: 'DESCRIPTION',
  Name: 'NAME',
  Size: 'SIZE',
  VirtualSize: 'VIRTUAL SIZE',
} as const;

export const command = defineCommand({
  usage: 'ls [OPTIONS]',
  summary: 'List machine disks',
  example: 'hull machine ls --format json',
  flags: {
    format: text("'table', 'json', 'table TEMPLATE' or a Go template"),
    quiet: bool('Only names', { short: 'q' }),
  },
  args: { max: 0 },
  run: async ({ io, client }, values) => {
    const machines = await client.native.machines();
    const rows = machines.map((machine) => ({
      get CreatedAt() {
        return localTime(machine.createdAt);
      },
      CreatedSince: ago(machine.createdAt),
      Description: machine.description,
      Name: machine.name,
      Size: humanSize(machine.storedSize, 3),
      VirtualSize: humanSize(machine.virtualSize, 3),
    }));
    const columns = ['Name', 'Description', 'CreatedSince', 'Size', 'VirtualSize'];
    printListing(io, {
      columns,
      titles: TITLES,
      rows,
      format: values.format,
      only: values.quiet ? 'Name' : undefined,
    });
    return 0;
  },
});
