import { defineCommand } from '../command.ts';

const LETTERS = ['C', 'A', 'D'] as const;

export const command = defineCommand({
  usage: 'diff INSTANCE',
  summary: 'Show which files an instance has changed against its image',
  example: 'hull diff web',
  flags: {},
  args: { min: 1, max: 1 },
  completeArgs: ['instances'],
  run: async ({ io, client }, _values, [name = '']) => {
    for (const { Path, Kind } of await client.files.changes(name)) io.out(`${LETTERS[Kind]} ${Path}\n`);
    return 0;
  },
});
