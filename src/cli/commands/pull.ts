import { defineCommand } from '../command.ts';
import { bool, text } from '../flags/flag.ts';
import { fullName, hasTag, pullImage } from '../images/pull.ts';
import { UsageError } from '../usage-error.ts';

export const command = defineCommand({
  usage: 'pull [OPTIONS] NAME[:TAG|@DIGEST]',
  summary: 'Download an image from a registry',
  example: 'hull pull registry.example/team/app:1.2\nhull pull localhost:5000/app',
  flags: {
    'all-tags': bool('Download every tag of the repository', { short: 'a' }),
    platform: text('Of this platform, such as linux/arm64, instead of the host’s'),
    quiet: bool('Print only the image’s name', { short: 'q' }),
  },
  args: { min: 1, max: 1 },
  completeArgs: ['images'],
  run: async (context, values, [name = '']) => {
    const allTags = values['all-tags'];
    if (allTags && hasTag(name)) throw new UsageError('tag cannot be used with --all-tags/-a');
    const { platform, quiet } = values;
    if (!allTags && !hasTag(name) && !quiet) context.io.out('Using default tag: latest\n');
    await pullImage(context, name, { platform, quiet, allTags });
    context.io.out(`${allTags ? name : fullName(name)}\n`);
    return 0;
  },
});
