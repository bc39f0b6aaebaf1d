import { defineCommand } from '../command.ts';
import { forEach } from '../run/each.ts';

export const command = defineCommand({
  usage: 'snapshot-rm VOLUME SNAPSHOT [SNAPSHOT...]',
  summary: 'Delete what is kept aside of a volume',
  example: 'hull volume snapshot-rm data before-upgrade',
  flags: {},
  args: { min: 2 },
  completeArgs: ['volumes'],
  run: ({ io, client }, _values, [volume = '', ...names]) =>
    forEach(io, names, (name) => client.volumes.removeSnapshot(volume, name)),
});
