import { defineCommand } from '../command.ts';
import { forEach } from '../run/each.ts';

export const command = defineCommand({
  usage: 'pause INSTANCE [INSTANCE...]',
  summary: 'Suspend all processes of instances',
  example: 'hull pause web',
  flags: {},
  args: { min: 1 },
  completeArgs: ['running'],
  run: ({ io, client }, _values, args) => forEach(io, args, (id) => client.containers.pause(id)),
});
