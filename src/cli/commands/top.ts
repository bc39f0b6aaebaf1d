import { defineCommand } from '../command.ts';
import { table } from '../format/table.ts';

export const command = defineCommand({
  usage: 'top INSTANCE [PS OPTIONS]',
  summary: 'List the processes of a running instance',
  example: 'hull top web -eo pid,comm',
  flags: {},
  args: { min: 1 },
  passThrough: true,
  completeArgs: ['running'],
  run: async ({ io, client }, _values, [name = '', ...psArguments]) => {
    const { Titles, Processes } = await client.containers.top(name, psArguments.join(' '));
    io.out(table([Titles, ...(Processes ?? [])], 20));
    return 0;
  },
});
