import { defineCommand } from '../command.ts';
import { forEach } from '../run/each.ts';

export const command = defineCommand({
  usage: 'rm NAME [NAME...]',
  summary: 'Remove machine disks',
  example: 'hull machine rm debian-radius',
  flags: {},
  args: { min: 1 },
  completeArgs: ['machines'],
  run: ({ io, client }, _values, args) => forEach(io, args, (name) => client.native.removeMachine(name)),
});
