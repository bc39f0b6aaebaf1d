import { defineCommand } from '../command.ts';

export const command = defineCommand({
  usage: 'rename VOLUME NAME',
  summary: 'Give a volume another name; instances that mount it follow, running ones too',
  example: 'hull volume rename data customers',
  flags: {},
  args: { min: 2, max: 2 },
  completeArgs: ['volumes'],
  run: async ({ client }, _values, [volume = '', name = '']) => {
    await client.volumes.rename(volume, name);
    return 0;
  },
});
