import { defineCommand } from '../command.ts';

export const command = defineCommand({
  usage: 'snapshot-restore VOLUME SNAPSHOT',
  summary: 'Let a volume hold again what it held then; what it holds now is lost',
  example: 'hull volume snapshot-restore data before-upgrade',
  flags: {},
  args: { min: 2, max: 2 },
  completeArgs: ['volumes'],
  run: async ({ client }, _values, [volume = '', name = '']) => {
    await client.volumes.restore(volume, name);
    return 0;
  },
});
