import { defineCommand } from '../command.ts';
import { bool } from '../flags/flag.ts';

export const command = defineCommand({
  usage: 'snapshot [OPTIONS] VOLUME [NAME]',
  summary: 'Keep aside what a volume holds now, and print its name',
  example: 'hull volume snapshot data before-upgrade',
  flags: { live: bool('Copy while running instances may write: files may be cut in their middle') },
  args: { min: 1, max: 2 },
  completeArgs: ['volumes'],
  run: async ({ io, client }, values, [volume = '', name]) => {
    const snapshot = await client.volumes.snapshot(volume, name, { live: values.live });
    io.out(`${snapshot.name}\n`);
    return 0;
  },
});
