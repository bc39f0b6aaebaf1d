import { defineCommand } from '../command.ts';
import { bool } from '../flags/flag.ts';

export const command = defineCommand({
  usage: 'clone [OPTIONS] VOLUME NAME',
  summary: 'Copy a volume into a new one; blocks are shared where the file system can',
  example: 'hull volume clone data data-test',
  flags: { live: bool('Copy while running instances may write: files may be cut in their middle') },
  args: { min: 2, max: 2 },
  completeArgs: ['volumes'],
  run: async ({ io, client }, values, [volume = '', name = '']) => {
    await client.volumes.clone(volume, name, { live: values.live });
    io.out(`${name}\n`);
    return 0;
  },
});
