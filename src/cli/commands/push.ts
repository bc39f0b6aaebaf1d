import { defineCommand } from '../command.ts';
import { bool } from '../flags/flag.ts';
import { CredentialsFile, registryOfName } from '../images/credentials-file.ts';
import { hasTag } from '../images/pull.ts';
import { printTransfer } from '../images/transfer-printer.ts';
import { UsageError } from '../usage-error.ts';

export const command = defineCommand({
  usage: 'push [OPTIONS] NAME[:TAG]',
  summary: 'Upload an image to the registry that its name begins with',
  example: 'hull tag app localhost:5000/app:1\nhull push localhost:5000/app:1',
  flags: {
    'all-tags': bool('Upload every tag of the repository', { short: 'a' }),
    quiet: bool('Print only the image’s name', { short: 'q' }),
  },
  args: { min: 1, max: 1 },
  completeArgs: ['images'],
  run: async ({ io, client }, values, [name = '']) => {
    const allTags = values['all-tags'];
    if (allTags && hasTag(name)) throw new UsageError('tag cannot be used with --all-tags/-a');
    if (!allTags && !hasTag(name) && !values.quiet) io.out('Using default tag: latest\n');
    const colon = name.lastIndexOf(':');
    const [repository, tag] = hasTag(name) ? [name.slice(0, colon), name.slice(colon + 1)] : [name, 'latest'];
    const auth = new CredentialsFile(io).header(registryOfName(name));
    const messages = client.images.push(repository, allTags ? undefined : tag, auth);
    await printTransfer(io, messages, { quiet: values.quiet });
    if (values.quiet) io.out(`${name}\n`);
    return 0;
  },
});
