import { defineCommand } from '../command.ts';
import { bool } from '../flags/flag.ts';
import { forEach } from '../run/each.ts';

export const command = defineCommand({
  usage: 'rm [OPTIONS] VOLUME [VOLUME...]',
  summary: 'Remove volumes that no instance mounts',
  example: 'hull volume rm data',
  flags: { force: bool('Say nothing of volumes that do not exist', { short: 'f' }) },
  args: { min: 1 },
  completeArgs: ['volumes'],
  run: ({ io, client }, values, args) =>
    forEach(io, args, (name) => client.volumes.remove(name, { force: values.force })),
});
