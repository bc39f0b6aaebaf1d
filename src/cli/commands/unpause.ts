import { defineCommand } from '../command.ts';
import { forEach } from '../run/each.ts';

export const command = defineCommand({
  usage: 'unpause INSTANCE [INSTANCE...]',
  summary: 'Resume paused instances',
  example: 'hull unpause web',
  flags: {},
  args: { min: 1 },
  completeArgs: ['running'],
  run: ({ io, client }, _values, args) => forEach(io, args, (id) => client.containers.unpause(id)),
});
