import { defineCommand } from '../command.ts';

export const command = defineCommand({
  usage: 'rename INSTANCE NEW_NAME',
  summary: 'Rename an instance; its name on its networks follows at once',
  example: 'hull rename web shop',
  flags: {},
  args: { min: 2, max: 2 },
  completeArgs: ['instances'],
  run: async ({ client }, _values, [id = '', name = '']) => {
    await client.containers.rename(id, name);
    return 0;
  },
});
