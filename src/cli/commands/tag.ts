import { defineCommand } from '../command.ts';

export const command = defineCommand({
  usage: 'tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  summary: 'Give an image another name',
  example: 'hull tag freeradius:latest freeradius:3.2',
  flags: {},
  args: { min: 2, max: 2 },
  completeArgs: ['images'],
  run: async ({ client }, _values, [source = '', target = '']) => {
    const colon = target.lastIndexOf(':');
    const hasTag = colon > target.lastIndexOf('/');
    await client.images.tag(
      source,
      hasTag ? target.slice(0, colon) : target,
      hasTag ? target.slice(colon + 1) : 'latest',
    );
    return 0;
  },
});
