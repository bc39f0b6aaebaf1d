import { defineCommand } from '../command.ts';
import { bool, list, text } from '../flags/flag.ts';

export const command = defineCommand({
  usage: 'commit [OPTIONS] INSTANCE [REPOSITORY[:TAG]]',
  summary: 'Create an image from an instance’s changes',
  example: `hull commit -m "with curl" -c 'CMD ["curl"]' web tools:1`,
  flags: {
    author: text('Who made it', { short: 'a' }),
    change: list('Apply a blueprint instruction', { short: 'c', placeholder: 'INSTRUCTION' }),
    message: text('What it is', { short: 'm' }),
    pause: { ...bool('Hold the instance while its files are read', { short: 'p' }), initial: true },
  },
  args: { min: 1, max: 2 },
  completeArgs: ['instances', 'images'],
  run: async ({ io, client }, values, [name = '', reference = '']) => {
    const colon = reference.lastIndexOf(':');
    const tagged = colon > reference.lastIndexOf('/');
    const { Id } = await client.files.commit(name, {
      repo: tagged ? reference.slice(0, colon) : reference,
      tag: tagged ? reference.slice(colon + 1) : undefined,
      comment: values.message,
      author: values.author,
      changes: values.change,
      pause: values.pause,
    });
    io.out(`${Id}\n`);
    return 0;
  },
});
