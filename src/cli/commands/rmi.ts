import { defineCommand } from '../command.ts';
import { bool } from '../flags/flag.ts';
import { forEach } from '../run/each.ts';

export const command = defineCommand({
  usage: 'rmi [OPTIONS] IMAGE [IMAGE...]',
  summary: 'Remove images',
  example: 'hull rmi freeradius:old',
  flags: {
    force: bool('Remove it although stopped instances use it', { short: 'f' }),
    'no-prune': bool('Keep untagged parents'),
  },
  args: { min: 1 },
  completeArgs: ['images'],
  run: ({ io, client }, values, args) => {
    const work = async (reference: string) => {
      const removed = await client.images.remove(reference, {
        force: values.force,
        noprune: values['no-prune'],
      });
      for (const { Untagged, Deleted } of removed)
        io.out(Deleted === undefined ? `Untagged: ${Untagged}\n` : `Deleted: ${Deleted}\n`);
    };
    return forEach(io, args, work, () => '');
  },
});
